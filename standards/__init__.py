"""Standards at the edge: EPCIS, GS1 identifiers, Digital Link. Pure conversion, no IO."""
