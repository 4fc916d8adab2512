/*
 * The view change of docs/consensus.md for one height: four validators, one of them byzantine, a quorum of three, three
 * views, two blocks. `make model` checks every run of it; models/README.md says what is modelled and what is not.
 *
 * Rules of this file: a message that was sent stays sent, and a validator may act on it at any later time or never, so
 * loss, delay and reordering need no code. The byzantine validator has signed everything that it can: it is one more
 * vote in every count, one more view change in every quorum, and shows no certificate, or any that can exist. It
 * cannot sign for others. Restarts need no code either: what an honest validator signed and its lock are durable.
 *
 * The invariants have the names of the simulator's. Each BUG_... plants a bug that spin must find; each WITNESS_...
 * claims that something good never happens, which spin must refute: the model is not true because it is empty.
 * AGREEMENT_ONLY drops all invariants but agreement, to see that a bug ends in a fork.
 */

#define VALIDATORS 4
#define BLOCKS 2
#define CLAIMS 5                 /* what a view change shows: nothing, or a certificate of one of (view, block) below it */
#define QUORUM_TRUE 3            /* ceil((n + f + 1) / 2); the invariants count with this one */

#ifdef BUG_QUORUM_OF_F_PLUS_ONE
#define QUORUM 2
#else
#define QUORUM QUORUM_TRUE
#endif

#ifdef BUG_ONE_VIEW_CHANGE_SUFFICES
#define VIEW_CHANGES_NEEDED 1
#else
#define VIEW_CHANGES_NEEDED QUORUM
#endif

/* Sets of honest senders: bit i is validator i. */
byte prepares[6];                /* by SLOT(view, block) */
byte commits[6];
byte changes[15];                /* by CHANGE(view, claim) */
byte proposed[3];                /* by view: 1 + the block of its honest proposer, 0 before */

byte byzantine;
byte view[VALIDATORS];
byte lock[VALIDATORS];           /* the claim that shows it: NOTHING or CERTIFICATE(view, block) */

/* The names that spin prints when an assertion fails. */
bool agreement = true, certificate = true, one_value_a_slot = true, lock_shown = true;
bool witness = true;

#define NOTHING 0
#define CERTIFICATE(v, b) (1 + BLOCKS * (v) + (b))
#define SLOT(v, b) (BLOCKS * (v) + (b))
#define CHANGE(v, claim) (CLAIMS * (v) + (claim))

#define BIT(i) (1 << (i))
#define HAS(set, i) (((set) >> (i)) & 1)
#define SIZE(set) (HAS(set, 0) + HAS(set, 1) + HAS(set, 2) + HAS(set, 3))
#define VOTES(set) (SIZE(set) + 1)                      /* and the byzantine one */

#define IS_PREPARED(v, b) (VOTES(prepares[SLOT(v, b)]) >= QUORUM)
#define IS_COMMITTED(v, b) (VOTES(commits[SLOT(v, b)]) >= QUORUM)
#define IS_DECIDED(b) (IS_COMMITTED(0, b) || IS_COMMITTED(1, b) || IS_COMMITTED(2, b))
#define HAS_PREPARED(i, v) HAS(prepares[SLOT(v, 0)] | prepares[SLOT(v, 1)], i)
#define HAS_COMMITTED(i, v) HAS(commits[SLOT(v, 0)] | commits[SLOT(v, 1)], i)

/* The honest validators whose view change to v shows nothing, or a certificate of view u. */
#define SHOWS_NOTHING(v) changes[CHANGE(v, NOTHING)]
#define SHOWS_VIEW(v, u) (changes[CHANGE(v, CERTIFICATE(u, 0))] | changes[CHANGE(v, CERTIFICATE(u, 1))])
#define IS_ENOUGH(set) (VOTES(set) >= VIEW_CHANGES_NEEDED)

/*
 * Whether view changes can be picked that justify block b in view v: a quorum that shows nothing, or one whose highest
 * certificate is of b. The byzantine view change shows that certificate where no honest one of the quorum does. Of two
 * certificates of one view, which must not be, the proposer takes the one it likes.
 */
#if defined(BUG_ANY_JUSTIFICATION)
#define JUSTIFIED_1(b) IS_ENOUGH(SHOWS_NOTHING(1) | SHOWS_VIEW(1, 0))
#define JUSTIFIED_2(b) IS_ENOUGH(SHOWS_NOTHING(2) | SHOWS_VIEW(2, 0) | SHOWS_VIEW(2, 1))
#elif defined(BUG_LOWEST_CERTIFICATE)
#define JUSTIFIED_1(b) (IS_ENOUGH(SHOWS_NOTHING(1)) \
    || (IS_PREPARED(0, b) && IS_ENOUGH(SHOWS_NOTHING(1) | SHOWS_VIEW(1, 0))))
#define JUSTIFIED_2(b) (IS_ENOUGH(SHOWS_NOTHING(2)) \
    || (IS_PREPARED(0, b) && IS_ENOUGH(SHOWS_NOTHING(2) | SHOWS_VIEW(2, 0) | SHOWS_VIEW(2, 1))) \
    || (IS_PREPARED(1, b) && IS_ENOUGH(SHOWS_NOTHING(2) | SHOWS_VIEW(2, 1))))
#else
#define JUSTIFIED_1(b) (IS_ENOUGH(SHOWS_NOTHING(1)) \
    || (IS_PREPARED(0, b) && IS_ENOUGH(SHOWS_NOTHING(1) | SHOWS_VIEW(1, 0))))
#define JUSTIFIED_2(b) (IS_ENOUGH(SHOWS_NOTHING(2)) \
    || (IS_PREPARED(0, b) && IS_ENOUGH(SHOWS_NOTHING(2) | SHOWS_VIEW(2, 0))) \
    || (IS_PREPARED(1, b) && IS_ENOUGH(SHOWS_NOTHING(2) | SHOWS_VIEW(2, 0) | SHOWS_VIEW(2, 1))))
#endif
#define IS_JUSTIFIED(v, b) ((v) == 0 || ((v) == 1 && JUSTIFIED_1(b)) || ((v) == 2 && JUSTIFIED_2(b)))

/* The proposer of view v is validator v: an honest one proposes once, the byzantine one to everybody what it likes. */
#define IS_PROPOSED(v, b) (proposed[v] == 1 + (b) || (byzantine == (v) && IS_JUSTIFIED(v, b)))

#ifdef BUG_FORGETS_ITS_VOTES
#define MAY_PREPARE(i, v) (view[i] <= (v))
#else
#define MAY_PREPARE(i, v) (view[i] <= (v) && !HAS_PREPARED(i, v))
#endif

#ifdef BUG_VOTES_IN_A_VIEW_IT_LEFT
#define MAY_COMMIT(i, v) (!HAS_COMMITTED(i, v))
#else
#define MAY_COMMIT(i, v) (view[i] == (v) && !HAS_COMMITTED(i, v))
#endif

#ifdef BUG_DROPS_THE_LOCK
#define SHOWN(i) NOTHING
#else
#define SHOWN(i) lock[i]
#endif

#ifdef AGREEMENT_ONLY
#define HOLDS(name, condition)
#else
#define HOLDS(name, condition) name = (condition); assert(name)
#endif

/* PRE-PREPARE of an honest proposer, in its own view. */
#define PROPOSE(v, b) d_step { \
    i == (v) && view[i] == (v) && proposed[v] == 0 && IS_JUSTIFIED(v, b) -> proposed[v] = 1 + (b) }

/* PREPARE, which takes the validator into the view where it was below it. */
#define PREPARE(v, b) d_step { MAY_PREPARE(i, v) && !HAS(prepares[SLOT(v, b)], i) && IS_PROPOSED(v, b) -> \
    view[i] = v; \
    prepares[SLOT(v, b)] = prepares[SLOT(v, b)] | BIT(i); \
    HOLDS(one_value_a_slot, HAS(prepares[SLOT(v, 0)], i) + HAS(prepares[SLOT(v, 1)], i) == 1); }

/* The lock and COMMIT, in one write. */
#define COMMIT(v, b) d_step { MAY_COMMIT(i, v) && HAS(prepares[SLOT(v, b)], i) && IS_PREPARED(v, b) -> \
    lock[i] = CERTIFICATE(v, b); \
    commits[SLOT(v, b)] = commits[SLOT(v, b)] | BIT(i); \
    HOLDS(one_value_a_slot, HAS(commits[SLOT(v, 0)], i) + HAS(commits[SLOT(v, 1)], i) == 1); \
    HOLDS(certificate, VOTES(prepares[SLOT(v, b)]) >= QUORUM_TRUE); \
    HOLDS(certificate, !IS_COMMITTED(v, b) || VOTES(commits[SLOT(v, b)]) >= QUORUM_TRUE); \
    agreement = !(IS_DECIDED(0) && IS_DECIDED(1)); assert(agreement); \
    LOOK(v, b) }

/* VIEW-CHANGE to a higher view: a timer, a refused block, or f + 1 others that are above; all may come at any time. */
#define CHANGE_VIEW(v) d_step { view[i] < (v) -> \
    view[i] = v; \
    changes[CHANGE(v, SHOWN(i))] = changes[CHANGE(v, SHOWN(i))] | BIT(i); \
    HOLDS(lock_shown, (SHOWN(i) >= CERTIFICATE(0, 0) || !HAS_COMMITTED(i, 0)) \
        && ((v) < 2 || SHOWN(i) >= CERTIFICATE(1, 0) || !HAS_COMMITTED(i, 1))); \
    AFTERWARDS(i) }

#ifdef BUG_CLEARS_THE_LOCK
#define AFTERWARDS(i) lock[i] = NOTHING;
#else
#define AFTERWARDS(i)
#endif

/* What must be possible: a block that was locked in view 0 decided in view 2; a lock given up for a higher certificate. */
#if defined(WITNESS_DECIDED_IN_THE_LAST_VIEW)
#define LOOK(v, b) witness = !(IS_COMMITTED(2, b) && IS_PREPARED(0, b)); assert(witness);
#elif defined(WITNESS_LOCK_GIVEN_UP)
#define LOOK(v, b) witness = !(IS_DECIDED(b) && HAS(commits[SLOT(0, 1 - (b))], i)); assert(witness);
#elif defined(WITNESS_DECIDED_IN_EVERY_VIEW)
#define LOOK(v, b) witness = !(IS_COMMITTED(0, b) && IS_COMMITTED(1, b) && IS_COMMITTED(2, b)); assert(witness);
#else
#define LOOK(v, b)
#endif

#define EVERY_BLOCK(action, v) :: action(v, 0) :: action(v, 1)
#define EVERY_SLOT(action) EVERY_BLOCK(action, 0) EVERY_BLOCK(action, 1) EVERY_BLOCK(action, 2)

proctype honest(byte i)
{
end:
    do
    EVERY_SLOT(PROPOSE)
    EVERY_SLOT(PREPARE)
    EVERY_SLOT(COMMIT)
    :: CHANGE_VIEW(1)
    :: CHANGE_VIEW(2)
    od
}

init
{
    byte i;
    atomic {
        select (i : 0 .. VALIDATORS - 1);
        byzantine = i;
        for (i : 0 .. VALIDATORS - 1) {
            if
            :: i != byzantine -> run honest(i)
            :: else
            fi
        }
    }
}
