/** Bugs in identity and values: different things taken for one, one thing taken for two. */
import { plantIn, type Mutant } from "../mutant.ts"

const IDENTITY = ["src/kernel/identity.test.ts"]
const VALUES = ["src/kernel/value.test.ts"]
const REGRESSIONS = ["test/regressions/kernel.test.ts"]

export const VALUE_MUTANTS: readonly Mutant[] = [
  ...plantIn("kernel/value-encoder.ts", IDENTITY, [
    {
      id: "identity-minus-zero-is-zero",
      invariants: ["O7"],
      find: "!Number.isSafeInteger(value) || Object.is(value, -0)",
      replace: "!Number.isSafeInteger(value)",
    },
    {
      id: "identity-depends-on-key-order",
      invariants: ["O7"],
      find: "  sortKeys(keys)\n",
      replace: "",
    },
    {
      id: "identity-depends-on-map-order",
      invariants: ["O7"],
      find: "parts.sort((a, b) => compareBytes(a.order, b.order))",
      replace: "",
      suites: VALUES,
    },
    {
      id: "identity-of-a-date-is-its-number",
      invariants: ["O7"],
      find: "walk.tokens.push(new Token(Type.tag, OWN_TAG.date), numberToken",
      replace: "walk.tokens.push(numberToken",
    },
    {
      id: "identity-of-a-typed-array-is-its-bytes",
      invariants: ["O7"],
      find: "if (kind !== undefined) pushTagged(walk, kind.tag, bytes)",
      replace: "if (kind !== undefined) walk.tokens.push(new Token(Type.bytes, bytes))",
    },
  ]),
  ...plantIn("kernel/value.ts", VALUES, [
    {
      id: "value-minus-zero-is-zero",
      invariants: ["O7"],
      find: "return Object.is(a, b)",
      replace: "return a === b",
    },
    {
      id: "value-half-frozen",
      invariants: ["O7"],
      find: "if (!canFreeze(decoded)) return false",
      replace: "",
    },
  ]),
  ...plantIn("kernel/identity.ts", IDENTITY, [
    {
      id: "identity-without-the-version",
      invariants: ["O7"],
      find: "[operation.name, operation.version, input]",
      replace: "[operation.name, input]",
    },
    {
      id: "identity-of-a-key-is-that-of-an-argument",
      invariants: ["O7"],
      find: "return hash(operation, key,",
      replace: "return hash(operation, [key],",
    },
    {
      id: "identity-key-without-ends",
      invariants: ["O7"],
      find: "`${arg.length}:${arg}`",
      replace: "arg",
    },
    {
      id: "identity-key-minus-zero-is-zero",
      invariants: ["O7"],
      find: `Object.is(arg, -0) ? "-0,"`,
      replace: `Object.is(arg, Infinity) ? "-0,"`,
      suites: REGRESSIONS,
    },
  ]),
]
