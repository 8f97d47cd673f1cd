export type { Env, Timer } from "./env.ts"
export { sinceBootMs, systemEnv } from "./system-env.ts"
