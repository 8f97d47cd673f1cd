/** `open` as it is published: run from its sources, each thread it starts would start a loader before anything else. */
type Published = typeof import("../../src/index.ts")

const built = new URL("../../dist/index.js", import.meta.url)

// Built from that very file.
export const { open } = (await import(built.href)) as Published
