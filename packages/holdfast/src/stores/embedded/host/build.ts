/** Which build of Holdfast this is, for people: in keeper.json, in the store, and where two builds refuse each other. */
import { createRequire } from "node:module"

// As far from here in `dist` as in the sources.
const { version } = createRequire(import.meta.url)("../../../../package.json") as { readonly version: string }

export const BUILD: string = version
