/** The scopes that are explored to exhaustion. Each is finite by itself: what only grows is relabeled or bounded. */
import { cellQueueName, type Effects } from "../../src/kernel/index.ts"
import { type Action, type Intervention, type Scope, specOf } from "./scope.ts"

const NOTHING = { bodies: {}, workers: [], interventions: [], zombies: 1, canWithdraw: true } as const

const A: Action = { do: "acquire", names: ["a"] }
const B: Action = { do: "acquire", names: ["b"] }
const BOTH: Action = { do: "acquire", names: ["a", "b"] }

function dies(session: string, times?: number): Intervention {
  return { do: "endSession", session, reason: "died", ...(times === undefined ? {} : { times }) }
}

/** Three owners, two locks, one at a time or both together, inside of each other, withdrawn, ended. */
const locks: Scope = {
  ...NOTHING,
  actors: ["s1", "s2", "s3"].map((session) => ({ session, menu: [A, B, BOTH], depth: 2 })),
  interventions: [dies("s1"), dies("s2"), dies("s3")],
}

/** The same with readers, who share, with trying instead of waiting, and with two owners in one session. */
const readers: Scope = {
  ...NOTHING,
  actors: ["s1", "s3", "s3"].map((session, index) => ({
    session,
    menu: [
      index === 0 ? BOTH : { do: "acquire", names: ["a", "b"], mode: "shared" },
      { do: "acquire", names: ["a"], mode: "shared" },
      index === 1 ? { ...B, wait: false } : B,
    ],
    depth: 2,
  })),
  interventions: [dies("s3")],
}

/** Readers and writers of a name with a limit that is resized under them; one of them also nests another lock. */
const limits: Scope = {
  ...NOTHING,
  actors: [
    {
      session: "s1",
      menu: [{ do: "acquire", names: ["pool"], mode: "shared", permits: 2, limit: 2 }, B],
      depth: 2,
    },
    {
      session: "s2",
      menu: [{ do: "acquire", names: ["pool"], mode: "shared", permits: 1 }, B],
      depth: 2,
    },
    {
      session: "s3",
      menu: [
        { do: "acquire", names: ["pool"], mode: "exclusive" },
        { do: "acquire", names: ["pool", "b"], mode: "shared", permits: 1 },
      ],
      depth: 1,
    },
  ],
  interventions: [
    { do: "resize", name: "pool", limit: 1 },
    { do: "resize", name: "pool", limit: 2 },
    { do: "resize", name: "pool", limit: 3 },
    dies("s1"),
  ],
}

/** A semaphore of three: one and two permits, held inside of each other and around a lock. */
const semaphore: Scope = {
  ...NOTHING,
  actors: ["s1", "s2", "s3"].map((session, index) => ({
    session,
    menu: [{ do: "acquire", names: ["pool"], mode: "shared", permits: index === 0 ? 2 : 1, limit: 3 }, A],
    depth: 2,
  })),
  interventions: [dies("s2")],
}

const ONE = (effects: Effects) =>
  specOf("one", "1", {
    effects,
    retry: { maxAttempts: 2, initialMs: 0, factor: 1, maxMs: 0 },
  })

/** Three sessions on one run, with everything that can happen to it. */
function oneRun(effects: Effects): Scope {
  const spec = ONE(effects)
  return {
    ...NOTHING,
    actors: [
      { session: "s1", menu: [{ do: "claim", spec }], depth: 0 },
      { session: "s2", menu: [{ do: "claim", spec }], depth: 0 },
      {
        session: "s3",
        menu: [
          { do: "await", spec, execute: false },
          { do: "enqueue", spec },
        ],
        depth: 0,
      },
    ],
    // Giving back is explored where it matters most: a once run is interrupted by it.
    bodies: {
      one:
        effects === "once"
          ? { menu: [], depth: 0, ends: ["complete", "fail", "return"], effects }
          : { menu: [], depth: 0, ends: ["complete", "fail"] },
    },
    workers: [{ session: "s3", slots: 1, operations: ["one"] }],
    interventions: [
      dies("s1"),
      { do: "endSession", session: "s3", reason: "closed" },
      { do: "control", spec, action: "cancel" },
      { do: "control", spec, action: "pause" },
      { do: "control", spec, action: "resume" },
      { do: "control", spec, action: "retry" },
      { do: "forget", spec },
      { do: "put", spec },
    ],
  }
}

/** Parents that await children inside an operation's limit, with a lock inside the bodies: k of n (L7). */
const tree: Scope = (() => {
  const parent = (id: string) => specOf("tree", id, { concurrency: 2 })
  const child = specOf("tree", "child", { concurrency: 2 })
  return {
    ...NOTHING,
    canWithdraw: false,
    actors: [
      { session: "s1", menu: [{ do: "claim", spec: parent("1") }], depth: 0 },
      { session: "s2", menu: [{ do: "claim", spec: parent("2") }], depth: 0 },
    ],
    bodies: { tree: { menu: [{ do: "claim", spec: child }, A], depth: 1, ends: ["complete"] } },
    interventions: [dies("s1", 1)],
  }
})()

const QUEUED = specOf("queued", "1")
const OTHER = specOf("queued", "2")

/** Definitions that disagree on limits, of the operation and of a key, while parents await children. */
const definitions: Scope = (() => {
  const parent = (id: string) => specOf("tree", id, { concurrency: 3, keyed: { key: "k", count: 2 } })
  const lower = specOf("tree", "lower", { concurrency: 1 })
  const narrow = specOf("tree", "narrow", { concurrency: 3, keyed: { key: "k", count: 1 } })
  return {
    ...NOTHING,
    canWithdraw: false,
    actors: [
      { session: "s1", menu: [{ do: "claim", spec: parent("1") }], depth: 0 },
      { session: "s2", menu: [{ do: "claim", spec: parent("2") }], depth: 0 },
      {
        session: "s3",
        menu: [
          { do: "enqueue", spec: lower },
          { do: "enqueue", spec: narrow },
        ],
        depth: 0,
      },
    ],
    bodies: {
      tree: {
        menu: [
          { do: "claim", spec: narrow },
          { do: "claim", spec: lower },
          { do: "await", spec: narrow, execute: false },
        ],
        depth: 0,
        ends: ["complete"],
      },
    },
    interventions: [dies("s1", 1)],
  }
})()

/** Who holds a lock and awaits a queued run, while bodies in the slots ask for the lock, or await each other. */
const slots: Scope = {
  ...NOTHING,
  actors: [
    {
      session: "s1",
      menu: [A, { do: "enqueue", spec: QUEUED }, { do: "await", spec: QUEUED, execute: false }],
      depth: 1,
    },
    { session: "s2", menu: [{ do: "enqueue", spec: OTHER }], depth: 0 },
  ],
  bodies: { queued: { menu: [A, { do: "await", spec: QUEUED, execute: false }], depth: 1, ends: ["complete"] } },
  workers: [{ session: "s3", slots: 1, operations: ["queued"] }],
  interventions: [
    { do: "control", spec: QUEUED, action: "pause" },
    { do: "control", spec: QUEUED, action: "resume" },
  ],
}

/** The same with two workers, one of which dies with what it executes. */
const deaths: Scope = {
  ...NOTHING,
  canWithdraw: false,
  actors: [
    {
      session: "s1",
      menu: [A, { do: "enqueue", spec: QUEUED }, { do: "await", spec: QUEUED, execute: false }],
      depth: 1,
    },
    { session: "s2", menu: [{ do: "enqueue", spec: OTHER }], depth: 0 },
  ],
  bodies: { queued: { menu: [A], depth: 1, ends: ["complete"] } },
  workers: [
    { session: "s3", slots: 1, operations: ["queued"] },
    { session: "s2", slots: 1, operations: ["queued"] },
  ],
  interventions: [dies("s3")],
}

/** A limit for each key, beside the operation's own, with executors inline and in a worker. */
const keys: Scope = (() => {
  const spec = (id: string, count: number) => specOf("keyed", id, { concurrency: 2, keyed: { key: "k", count } })
  return {
    ...NOTHING,
    actors: [
      { session: "s1", menu: [{ do: "claim", spec: spec("1", 1) }], depth: 0 },
      {
        session: "s2",
        menu: [
          { do: "claim", spec: spec("2", 1) },
          { do: "enqueue", spec: spec("3", 1) },
        ],
        depth: 0,
      },
      {
        session: "s3",
        menu: [
          { do: "await", spec: spec("3", 1), execute: false },
          { do: "claim", spec: spec("4", 2) },
        ],
        depth: 0,
      },
    ],
    bodies: { keyed: { menu: [], depth: 0, ends: ["complete"] } },
    workers: [{ session: "s3", slots: 1, operations: ["keyed"] }],
    interventions: [],
  }
})()

/** Three transactions over two cells, guarded by versions, fences and the cell's queue. */
const cells: Scope = {
  ...NOTHING,
  actors: ["s1", "s2", "s3"].map((session, index) => ({
    session,
    menu: [
      { do: "read", cells: ["x", "y"] },
      { do: "commit", writes: index === 0 ? ["x", "y"] : index === 1 ? ["x"] : ["y"], times: index === 1 ? 2 : 1 },
      ...(index === 2 ? [] : [{ do: "acquire", names: [cellQueueName("x")] } as const]),
    ],
    depth: 1,
  })),
  interventions: [dies("s1")],
}

/** A body with steps: recorded once, whatever happens to its attempts. */
const steps: Scope = (() => {
  const spec = specOf("steps", "1", { retry: { maxAttempts: 2, initialMs: 0, factor: 1, maxMs: 0 } })
  const commit = (step: string): Action => ({ do: "commit", writes: ["x"], blind: true, step, times: 3 })
  return {
    ...NOTHING,
    actors: [
      { session: "s1", menu: [{ do: "claim", spec }], depth: 0 },
      {
        session: "s2",
        menu: [
          { do: "claim", spec },
          { do: "commit", writes: ["x"], blind: true, times: 1 },
        ],
        depth: 0,
      },
    ],
    bodies: {
      steps: {
        menu: [commit("one"), commit("two"), { do: "commit", writes: ["x"], blind: true, complete: true, times: 2 }],
        depth: 0,
        ends: ["complete", "fail"],
      },
    },
    interventions: [dies("s1"), { do: "control", spec, action: "cancel", times: 1 }],
  }
})()

/** Leases, attempt timeouts, delays, backoff and retention on a clock that steps from deadline to deadline. */
const time: Scope = (() => {
  const spec = specOf("timed", "1", {
    retry: { maxAttempts: 2, initialMs: 10, factor: 2, maxMs: 15 },
    attemptTimeoutMs: 30,
    retainMs: 40,
    delayMs: 5,
  })
  return {
    ...NOTHING,
    canWithdraw: false,
    actors: [
      {
        session: "s1",
        menu: [
          { do: "acquire", names: ["a"], leaseMs: 20 },
          { do: "claim", spec },
        ],
        depth: 1,
      },
      { session: "s2", menu: [{ do: "claim", spec }], depth: 1 },
    ],
    bodies: { timed: { menu: [A], depth: 1, ends: ["complete", "fail"] } },
    interventions: [],
  }
})()

/** A scope, what it shows, and how many states it has at least: fewer would be a silent loss of coverage. */
export interface Exploration {
  readonly title: string
  readonly scope: Scope
  readonly minimumStates: number
}

export const EXPLORATIONS: readonly Exploration[] = [
  {
    title: "3 owners and 2 locks, alone, together and nested, with withdrawal and death, keep L1 to L7",
    scope: locks,
    minimumStates: 508,
  },
  {
    title: "readers, writers and requests that do not wait, over 2 locks, keep L1, L3 and L7",
    scope: readers,
    minimumStates: 901,
  },
  {
    title: "permits under a limit that is first set, raised and lowered keep L1, L3 and L7",
    scope: limits,
    minimumStates: 901,
  },
  {
    title: "one and two permits of three, around and inside of a lock, keep L1 and L7",
    scope: semaphore,
    minimumStates: 605,
  },
  {
    title: "3 sessions on a pure run, with everything that can happen to it, keep O1 to O6 and O8",
    scope: oneRun("pure"),
    minimumStates: 4852,
  },
  {
    title: "3 sessions on a once run, with everything that can happen to it, keep O1 to O6 and O10",
    scope: oneRun("once"),
    minimumStates: 2066,
  },
  {
    title: "parents that await children inside an operation's limit, with locks inside the bodies, keep L7 and O6",
    scope: tree,
    minimumStates: 714,
  },
  {
    title: "parents and children whose definitions disagree on the limits keep L7, O1 and O6",
    scope: definitions,
    minimumStates: 1336,
  },
  {
    title: "a lock's holder that awaits a queued run, while the worker's bodies ask for the lock, keeps L7",
    scope: slots,
    minimumStates: 569,
  },
  {
    title: "workers that die with what they execute keep L6, L7 and O6",
    scope: deaths,
    minimumStates: 1049,
  },
  {
    title: "limits by key beside the operation's, with executors inline and in a worker, keep L7 and O6",
    scope: keys,
    minimumStates: 3682,
  },
  {
    title: "3 transactions over 2 cells, fenced, guarded by versions and queues, keep L8, C1, C2 and C3",
    scope: cells,
    minimumStates: 4850,
  },
  {
    title: "steps of a body that fails, dies and is canceled take effect once (L8, O5, O10)",
    scope: steps,
    minimumStates: 7782,
  },
  {
    title: "leases, timeouts, delays, backoff and retention keep L2, L6, O4 and O5",
    scope: time,
    minimumStates: 3748,
  },
]
