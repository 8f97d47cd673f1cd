/** Opens a store by its URL: the one place that knows which stores there are. */
import { type Env, systemEnv } from "./env/index.ts"
import { checkName, HoldfastError } from "./kernel/index.ts"
import { checkBudget, checkOptions, describeType, Holdfast } from "./runtime/index.ts"
import { MemoryStore } from "./stores/memory/index.ts"

/** How a store is opened. */
export interface OpenOptions {
  /** What people see where this session is listed or holds a lock. Default: the process id. */
  readonly label?: string
  /**
   * Asserts every invariant after every command, at a high cost: for hunting a bug. Default false. Of a store that is
   * shared by name, whoever opens it first decides.
   */
  readonly check?: boolean
  /**
   * How many bytes of large values the store may keep before it forgets results that can be computed again, least
   * recently used first; null is no limit. Stored with the store; default: what it has, at first no limit.
   */
  readonly blobBudgetBytes?: number | null
  /** @internal The world the store runs in; a simulation passes its own. */
  readonly env?: Env
}

/** Stores opened by name in this process, and how many sessions each has. */
const named = new Map<string, { readonly store: MemoryStore; sessions: number }>()

/**
 * Opens the store a URL names. `memory:` is a store of this call's own, gone when closed; `memory:NAME` is one that
 * everybody in this event loop who opens the same name shares; `file:DIR` is one in a folder, which every process and
 * thread of this machine that opens the folder shares, and which stays.
 *
 * @throws HoldfastError STORE_UNAVAILABLE for a URL that names no store supported here, or a folder that cannot hold one
 * or whose keeper does not answer, STORE_NEWER, STORE_DAMAGED, STORE_FULL, ARGUMENT_INVALID
 * @example const hf = await open("memory:")
 */
export async function open(url: string, options: OpenOptions = {}): Promise<Holdfast> {
  if (typeof url !== "string") {
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `open takes a store's URL, such as "memory:", found ${describeType(url)}`,
    )
  }
  if (!url.startsWith("memory:") && !url.startsWith("file:")) {
    throw new HoldfastError(
      "STORE_UNAVAILABLE",
      `"${url}" names no store of this version; it has "memory:", "memory:NAME" and "file:DIR"`,
    )
  }
  checkOptions(options)
  const { label = `pid ${String(process.pid)}`, env = systemEnv, check = false } = options
  checkName(label, "label")
  const { blobBudgetBytes } = options
  checkBudget(blobBudgetBytes, "blobBudgetBytes")
  if (url.startsWith("file:")) {
    // Loaded when it is needed, and nothing beside it: programs with stores in memory do without its native code, and those
    // that open a folder without SQLite, which is the keeper's thread's, and all that looks after stores.
    const { connectFolder } = await import("./stores/embedded/client/connect.ts")
    return await Holdfast.connect({
      store: await connectFolder({ address: url, env, check }),
      env,
      label,
      blobBudgetBytes,
    })
  }
  const name = url.slice("memory:".length)
  if (name === "")
    return await Holdfast.connect({ store: new MemoryStore({ env, check }).connect(), env, label, blobBudgetBytes })
  checkName(name, "the name of a memory store")
  const shared = named.get(name) ?? { store: new MemoryStore({ env, check }), sessions: 0 }
  named.set(name, shared)
  shared.sessions += 1
  const store = shared.store.connect(() => {
    shared.sessions -= 1
    // Identity-checked: after the last session left, the name may have been opened anew.
    if (shared.sessions === 0 && named.get(name) === shared) named.delete(name)
  })
  return await Holdfast.connect({ store, env, label, blobBudgetBytes })
}
