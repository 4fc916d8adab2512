"""What happened to goods: products, EPCIS events applied to items and lots, custody and ownership.

===========  ==========================================================================
products     what a GTIN stands for
events       the shape of one EPCIS event's arguments
things       the working copies of the items and lots that an event touches
links        packing and associating, with the guards against cycles and depth
capture      what each type of event does
cold_devices measuring devices, their calibration, and the profiles to judge by
cold_judge   timers, gaps and breaches over one device's readings: integers in, integers out
cold_chain   devices watch things, batches of readings, dispositions, acknowledgements
custody      offers, acceptances, and contents that go with their container
===========  ==========================================================================
"""
