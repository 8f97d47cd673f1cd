import { describeRace } from "../suite.ts"
import { race } from "./index.ts"

describeRace(race)
