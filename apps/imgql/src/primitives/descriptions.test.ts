import { describe, expect, it } from "vitest"
import { PRIMITIVES } from "./catalog.ts"
import { DESCRIPTIONS } from "./descriptions.ts"

describe("primitives", () => {
  it("are described in a sentence each, and nothing else is", () => {
    const names = new Set(PRIMITIVES.map(({ signature }) => `${signature.namespace}.${signature.name}`))
    const described = Object.entries(DESCRIPTIONS).flatMap(([namespace, sentences]) =>
      Object.entries(sentences).map(([name, sentence]) => [`${namespace}.${name}`, sentence] as const),
    )
    expect(described.map(([name]) => name).toSorted()).toEqual([...names].toSorted())
    // A line of a terminal, beside nothing.
    for (const [name, sentence] of described)
      expect([name, sentence]).toEqual([name, expect.stringMatching(/^[A-Z0-9e].{5,125}\.$/)])
  })
})
