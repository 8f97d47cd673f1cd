/**
 * Every promise Holdfast makes, by the id that code, tests and assertions cite. `tidy.test.ts` demands a test that names
 * each of them, save those that only a durable store can break: these say why.
 */

/** One numbered promise. */
export interface Invariant {
  readonly id: string
  /** The promise in one sentence. */
  readonly promise: string
  /** Why nothing in one process's memory can break it, or null when it holds, and is tested, everywhere. */
  readonly durableOnly: string | null
}

/** All invariants, in the order of their ids. */
export const INVARIANTS: readonly Invariant[] = [
  everywhere("L1", "An exclusive grant excludes every other; shared grants and permits never exceed their limit."),
  everywhere("L2", "Tokens strictly increase."),
  everywhere("L3", "Requests are granted in one arrival order; nothing later passes an eligible one, nobody starves."),
  everywhere("L4", "A withdrawn wait leaves no trace; a grant that arrives after withdrawal is given back."),
  everywhere("L5", "Only the grant itself releases; twice is a no-op, a stranger's release an error without effect."),
  everywhere("L6", "When a session ends, everything it holds is released and the next waiters are woken."),
  everywhere("L7", "No deadlock stands: the request that would complete one is refused with the whole picture."),
  everywhere("L8", "A commit carries every grant and claim of its scope chain and is refused unless each is live."),
  everywhere("C1", "A commit advances each written cell by exactly one version."),
  everywhere("C2", "Concurrent updates of a cell all take effect and never end in a conflict."),
  everywhere("C3", "A transaction commits only if every version it read, absence included, is still current."),
  everywhere("C4", "A watcher sees versions in increasing order and always reaches the latest."),
  everywhere("C5", "Nothing anyone observed in a cell is ever lost."),
  everywhere("O1", "At most one live claim a run, and at most one open run an identity."),
  everywhere("O2", "A run that is completed has a result every session can read; both change in one step."),
  everywhere("O3", "Completed and canceled are final for a run; its identity can be run again as the next generation."),
  everywhere("O4", "Every waiter is answered exactly once, late ones at once."),
  everywhere("O5", "A run whose claim is no longer live accepts nothing: a returning zombie changes nothing."),
  everywhere(
    "O6",
    "A claim ends with its session and exactly one other takes over; three crashes in a row fail the run.",
  ),
  everywhere("O7", "Identity is content: name, version and arguments, deterministically encoded, types kept apart."),
  everywhere("O8", "A caller's abort ends its own wait only; a canceled run never completes."),
  everywhere("O9", "Readiness follows completion: an evicted result is reloaded or recomputed, never waited for."),
  everywhere("O10", "Effects are declared and kept: pure, idempotent, or once."),
  everywhere("S1", "Close aborts what runs, waits within its bound, and reports what it could not give back."),
  durable("S2", "Damage is detected and named, never served.", "Memory has no bytes that could be torn or missing."),
  durable("S3", "A crash loses a suffix, never a fact a surviving one refers to.", "Memory ends as a whole."),
  durable(
    "S4",
    "A request is applied once, however often it is sent.",
    "A call in one process cannot lose its connection.",
  ),
  durable("S5", "A write that fails is rolled back or stops the store.", "Memory writes to no disk."),
]

function everywhere(id: string, promise: string): Invariant {
  return { id, promise, durableOnly: null }
}

function durable(id: string, promise: string, durableOnly: string): Invariant {
  return { id, promise, durableOnly }
}
