"""Trade: money that moves when the goods do.

=========  ===========================================================================
condition  what has to be shown, as a tree over events, documents, signatures and time
evidence   what was shown of it, and how the cold chain of a thing stands
escrow     payments that are held until then: open, present, dispute, resolve, poke
waiting    the door by which an operation on goods settles the payments that wait for it
=========  ===========================================================================
"""
