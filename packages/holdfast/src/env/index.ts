export type { Env, Timer } from "./env.ts"
export { readClock } from "./file-clock.ts"
export { sinceBootMs, systemEnv } from "./system-env.ts"
