/** The package as it is published: run from its sources, each thread of a store would start a loader before anything else. */
type Package = typeof import("../src/index.ts")

const built = new URL("../dist/index.js", import.meta.url)

// Built from that very file.
export const { open, isHoldfastError } = (await import(built.href)) as Package
