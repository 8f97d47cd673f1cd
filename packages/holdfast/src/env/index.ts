export type { Env, Timer } from "./env.ts"
export { systemEnv } from "./system-env.ts"
