/**
 * Recipes: calls as data. A run whose arguments are made by other runs carries the recipes of all of them, so that
 * whoever executes it can make what is missing, also in another session that never saw the calls (O7).
 *
 *     arguments without calls    bytes of the list
 *     arguments with calls       bytes of { args, inner, calls }: in `args` each call is a reference by identity, `inner`
 *                                names those, and `calls` holds every recipe behind them once
 *
 * The two forms cannot be confused: one is a list, the other a map around bytes, and no user's value is outside of `args`.
 */
import { assertInvariant, decodeValue, encodeValue, HoldfastError, type Identity, type Value } from "../kernel/index.ts"

/** What names and makes the arguments of one call. */
export interface RecipeParts {
  readonly identity: Identity
  readonly operation: string
  readonly version: number
  /** The encoded list of arguments, calls in it as references. */
  readonly args: Uint8Array
  /** The calls among the arguments, each once, in the order of their identities. */
  readonly inner: readonly Recipe[]
}

export class Recipe implements RecipeParts {
  readonly identity: Identity
  readonly operation: string
  readonly version: number
  readonly args: Uint8Array
  readonly inner: readonly Recipe[]
  #entry: Value | null = null

  constructor({ identity, operation, version, args, inner }: RecipeParts) {
    this.identity = identity
    this.operation = operation
    this.version = version
    this.args = args
    this.inner = inner
  }

  /** The recipe as one line of a table; encoded once, however many runs carry it. */
  get entry(): Value {
    const { identity, operation, version, args, inner } = this
    this.#entry ??= encodeValue([identity, operation, version, args, inner.map(identityOf)], "a call")
    return this.#entry
  }
}

/**
 * More recipes than this make a row larger than a row should be: every run of a chain carries what is behind it, so their
 * sum grows with the square. A longer chain can be named and looked up, but not be run from its end.
 */
const MAX_CALLS = 1_000

/**
 * The arguments of a run, in the form the store keeps.
 *
 * @throws HoldfastError ARGUMENT_INVALID where too many calls are behind them
 */
export function packArguments({ operation, args, inner }: RecipeParts): Value {
  if (inner.length === 0) return args
  const calls = new Map<Identity, Recipe>()
  const open = [...inner]
  for (let recipe = open.pop(); recipe !== undefined; recipe = open.pop()) {
    if (calls.has(recipe.identity)) continue
    calls.set(recipe.identity, recipe)
    if (calls.size > MAX_CALLS) throw tooMany(operation)
    for (const each of recipe.inner) open.push(each)
  }
  // The walk follows lists in the order of identities, so that equal arguments have equal bytes.
  const table = [...calls.values()].map((recipe) => recipe.entry)
  return encodeValue({ args, inner: inner.map(identityOf), calls: table }, "arguments")
}

/** What {@link packArguments} packed. */
export function unpackArguments(packed: Value): Pick<RecipeParts, "args" | "inner"> {
  assertInvariant(typeof packed !== "number", "O7", "the arguments of a run are a number, not a list")
  if (packed[0] === undefined || packed[0] >> 5 !== CBOR_MAP) return { args: packed, inner: [] }
  // Written by packArguments: a map at the top is nobody else's.
  const { args, inner, calls } = decodeValue(packed) as PackedArguments
  const recipes = new Map<Identity, Recipe>()
  const linked: { readonly inner: Recipe[]; readonly identities: readonly Identity[] }[] = []
  for (const entry of calls) {
    const [identity, operation, version, own, identities] = decodeValue(entry) as PackedRecipe
    const list: Recipe[] = []
    recipes.set(identity, new Recipe({ identity, operation, version, args: own, inner: list }))
    linked.push({ inner: list, identities })
  }
  for (const { inner: list, identities } of linked) for (const each of identities) list.push(find(recipes, each))
  return { args, inner: inner.map((identity) => find(recipes, identity)) }
}

/** The major type of CBOR's maps, in a first byte's upper three bits. */
const CBOR_MAP = 5

interface PackedArguments {
  readonly args: Uint8Array
  readonly inner: readonly Identity[]
  readonly calls: readonly Uint8Array[]
}

type PackedRecipe = readonly [Identity, string, number, Uint8Array, readonly Identity[]]

function find(recipes: ReadonlyMap<Identity, Recipe>, identity: Identity): Recipe {
  const recipe = recipes.get(identity)
  assertInvariant(recipe !== undefined, "O7", `a run lacks the recipe of ${identity}`)
  return recipe
}

function identityOf(recipe: Recipe): Identity {
  return recipe.identity
}

function tooMany(operation: string): HoldfastError {
  return new HoldfastError(
    "ARGUMENT_INVALID",
    `more than ${String(MAX_CALLS)} calls are behind the arguments of operation "${operation}"; compute some of them first and pass their results`,
  )
}
