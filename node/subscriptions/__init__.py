"""Queries that are stored under a name, and who is told when they find something new.

book      what is asked and who is subscribed, durable, with how far each has been told
schedule  when one that goes by the clock is due
sender    brings the events to their subscribers: signed, again until they are taken, none lost
"""
