"""The standard terms of the Core Business Vocabulary, and the one short spelling that the ledger stores for each.

In JSON a standard term is a bareword (``shipping``). The same term may also come as a URI of GS1 or as an old URN;
``bareword`` maps every spelling to the short one and leaves terms of other vocabularies as they are.

Source: CBV 2.0 sections 7.1 (business steps), 7.2 (dispositions), 7.3 (transaction types), 7.4 (source and
destination types), 7.5 (error reasons), 7.6 to 7.8 (sensor vocabularies).
"""

from typing import Final, NamedTuple


class Vocabulary(NamedTuple):
    """A set of standard terms, what a member is called in messages, and the prefixes of its long spellings."""

    what: str
    terms: frozenset[str]
    prefixes: tuple[str, ...]


def _terms(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _cbv(what: str, terms: str, urn: str, path: str) -> Vocabulary:
    prefixes = (f"urn:epcglobal:cbv:{urn}:", *(f"{host}{path}" for host in _CBV_HOSTS))
    return Vocabulary(what, _terms(terms), prefixes)


_CBV_HOSTS: Final = ("https://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/", "http://ns.gs1.org/cbv/", "cbv:")
_WEB_VOCABULARY: Final = ("https://gs1.org/voc/", "https://www.gs1.org/voc/", "http://gs1.org/voc/", "gs1:")

BIZ_STEP: Final = _cbv(
    "business step",
    "accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting "
    "decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting "
    "installing killing loading other packing picking receiving removing repackaging repairing replacing reserving "
    "retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting "
    "unloading unpacking void_shipping",
    "bizstep",
    "BizStep-",
)
DISPOSITION: Final = _cbv(
    "disposition",
    "active available completeness_inferred completeness_verified conformant container_closed container_open damaged "
    "destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance "
    "mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed "
    "recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown",
    "disp",
    "Disp-",
)
BIZ_TRANSACTION_TYPE: Final = _cbv(
    "business transaction type",
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt",
    "btt",
    "BTT-",
)
SOURCE_DESTINATION_TYPE: Final = _cbv(
    "source or destination type", "owning_party possessing_party location", "sdt", "SDT-"
)
ERROR_REASON: Final = _cbv("error reason", "did_not_occur incorrect_data", "er", "ER-")
COMPONENT: Final = _cbv(
    "sensor component",
    "x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing latitude "
    "longitude altitude",
    "comp",
    "Comp-",
)
SENSOR_ALERT: Final = Vocabulary("sensor alert", frozenset({"ALARM_CONDITION", "ERROR_CONDITION"}), _WEB_VOCABULARY)
MEASUREMENT: Final = Vocabulary(
    "measurement type",
    _terms(
        "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance "
        "AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance "
        "Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity "
        "ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency "
        "Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux "
        "LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration "
        "MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power "
        "Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle "
        "SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate "
        "VolumeFraction VolumetricFlux Wavenumber"
    ),
    _WEB_VOCABULARY,
)

# The full names of the five event types; the short name is what the ledger stores.
EVENT_TYPES: Final = ("ObjectEvent", "AggregationEvent", "AssociationEvent", "TransactionEvent", "TransformationEvent")
_EPCIS_HOSTS: Final = ("https://gs1.github.io/EPCIS/", "https://ref.gs1.org/epcis/", "https://ns.gs1.org/epcis/")


def bareword(vocabulary: Vocabulary, text: str) -> str:
    """Return the short spelling of a standard term, or ``text`` itself where it is none.

    >>> bareword(BIZ_STEP, "https://ref.gs1.org/cbv/BizStep-shipping")
    'shipping'
    """
    for prefix in vocabulary.prefixes:
        if text.startswith(prefix) and text.removeprefix(prefix) in vocabulary.terms:
            return text.removeprefix(prefix)
    return text


def event_type(text: str) -> str:
    """Return the short name of one of the five event types, or the URI of a user's own type as it is."""
    for host in _EPCIS_HOSTS:
        if text.startswith(host) and text.removeprefix(host) in EVENT_TYPES:
            return text.removeprefix(host)
    return text
