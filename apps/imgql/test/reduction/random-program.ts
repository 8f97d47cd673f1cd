/**
 * Random programs of numbers and lists of them, written out as text. They are built from a list of choices, so that what
 * makes a test fail is shrunk by leaving choices out: where none are left, the plainest thing is built.
 */

type Kind = "number" | "list"

interface Variable {
  readonly kind: Kind
  /** How it is written: the name it is known by here, and a suffix. */
  readonly text: string
}

type Scope = ReadonlyMap<string, Variable>

/** So deep that loops, functions and shadowing meet, and that a reader without memory still ends. */
const MAX_DEPTH = 6
const MAX_FUNCTIONS = 3
const MAX_VALUES = 3
/** Two of them shadow what is defined outside. */
const LOCALS = ["a", "b", "v0", "v1"]
const OPERATORS = ["+", "-", "*"]
const FOLDS = ["+", "-", "*", "min", "max"]

/** A program in two parts. */
export interface RandomProgram {
  readonly definitions: string
  /** An expression over what is defined. */
  readonly result: string
}

/** What is appended to names, so that the same choices make the same program in other words. */
export interface Suffixes {
  readonly local: string
  readonly global: string
}

export function buildProgram(
  choices: readonly number[],
  suffixes: Suffixes = { local: "", global: "" },
): RandomProgram {
  return new Builder(choices, suffixes).program()
}

/** The program as one that prints its result. */
export function printing({ definitions, result }: RandomProgram): string {
  return `${definitions}\nprint "result" ${result}`
}

class Builder {
  readonly #choices: readonly number[]
  readonly #suffixes: Suffixes
  readonly #functions: { readonly name: string; readonly parameters: number }[] = []
  #at = 0

  constructor(choices: readonly number[], suffixes: Suffixes) {
    this.#choices = choices
    this.#suffixes = suffixes
  }

  program(): RandomProgram {
    const lines: string[] = []
    let scope: Scope = new Map()
    for (let left = this.#choose(MAX_FUNCTIONS + 1); left > 0; left -= 1) lines.push(this.#function(scope))
    for (let left = this.#choose(MAX_VALUES + 1), at = 0; at < left; at += 1) {
      const kind = this.#kind()
      const name = `v${String(at)}`
      const text = `${name}${this.#suffixes.global}`
      lines.push(`let ${text} = ${this.#expression(kind, scope, MAX_DEPTH)}`)
      scope = new Map([...scope, [name, { kind, text }]])
      if (this.#choose(3) === 1) lines.push(this.#function(scope))
    }
    return { definitions: lines.join("\n"), result: this.#expression(this.#kind(), scope, MAX_DEPTH) }
  }

  /** A number below the bound; 0 when no choices are left. */
  #choose(bound: number): number {
    const choice = this.#choices[this.#at] ?? 0
    this.#at += 1
    return choice % bound
  }

  #pick(texts: readonly string[]): string {
    return texts[this.#choose(texts.length)] ?? ""
  }

  #kind(): Kind {
    return this.#choose(2) === 0 ? "number" : "list"
  }

  #function(outer: Scope): string {
    const name = `f${String(this.#functions.length)}${this.#suffixes.global}`
    const count = this.#choose(3)
    let scope = outer
    const parameters: string[] = []
    for (const local of LOCALS.slice(0, count)) {
      const bound = this.#bind(scope, local, "number")
      scope = bound.scope
      parameters.push(bound.text)
    }
    const body = this.#expression("number", scope, MAX_DEPTH - 1)
    this.#functions.push({ name, parameters: count })
    return `let ${name}(${parameters.join(", ")}) = ${body}`
  }

  #bind(scope: Scope, name: string, kind: Kind): { readonly scope: Scope; readonly text: string } {
    const text = `${name}${this.#suffixes.local}`
    return { scope: new Map([...scope, [name, { kind, text }]]), text }
  }

  #expression(kind: Kind, scope: Scope, depth: number): string {
    return kind === "number" ? this.#number(scope, depth) : this.#list(scope, depth)
  }

  #number(scope: Scope, depth: number): string {
    const deeper = depth - 1
    switch (depth <= 0 ? this.#choose(4) : this.#choose(10)) {
      case 1:
        return this.#variable("number", scope) ?? "1"
      case 2:
      case 3:
        if (depth <= 0) return this.#variable("number", scope) ?? "2"
        return `(${this.#number(scope, deeper)} ${this.#pick(OPERATORS)} ${this.#number(scope, deeper)})`
      case 4:
        return this.#call(scope, deeper)
      case 5:
        return `(${this.#list(scope, deeper)})[${String(this.#choose(2))}]`
      case 6: {
        const initial = this.#choose(2) === 0 ? "" : `(${this.#number(scope, deeper)}) `
        return `(fold ${this.#pick(FOLDS)} ${initial}(${this.#list(scope, deeper)}))`
      }
      case 7:
        return this.#let("number", scope, deeper)
      case 8:
      case 9:
        return `counted(${this.#number(scope, deeper)})`
      default:
        return String(this.#choose(4))
    }
  }

  #list(scope: Scope, depth: number): string {
    const deeper = depth - 1
    switch (depth <= 0 ? this.#choose(2) : this.#choose(12)) {
      case 1:
        return this.#variable("list", scope) ?? "range(2)"
      case 2:
        return `range(${String(this.#choose(5))})`
      case 3:
      case 8:
        return this.#loop("for", "number", scope, deeper)
      case 4:
        return this.#loop("filter", "number", scope, deeper)
      case 5: {
        const [start, stop] = [this.#choose(4), this.#choose(5)]
        return `(${this.#list(scope, deeper)})[${start === 3 ? "" : String(start)}:${stop === 4 ? "" : String(stop)}]`
      }
      case 6:
        return this.#let("list", scope, deeper)
      case 7:
      case 9:
      case 10:
        return `(${this.#loop("for", "list", scope, deeper)})[${String(this.#choose(2))}]`
      default: {
        const length = 1 + this.#choose(3)
        return `[${Array.from({ length }, () => this.#number(scope, deeper)).join(", ")}]`
      }
    }
  }

  #variable(kind: Kind, scope: Scope): string | undefined {
    const found = [...scope.values()].filter((variable) => variable.kind === kind)
    return found[this.#choose(Math.max(1, found.length))]?.text
  }

  #call(scope: Scope, depth: number): string {
    const called = this.#functions[this.#choose(Math.max(1, this.#functions.length))]
    if (called === undefined) return this.#number(scope, depth)
    return `${called.name}(${Array.from({ length: called.parameters }, () => this.#number(scope, depth)).join(", ")})`
  }

  #let(kind: Kind, scope: Scope, depth: number): string {
    const bound = this.#kind()
    const value = this.#expression(bound, scope, depth)
    const inner = this.#bind(scope, this.#pick(LOCALS), bound)
    return `(let ${inner.text} = ${value} in ${this.#expression(kind, inner.scope, depth)})`
  }

  #loop(word: "for" | "filter", kind: Kind, scope: Scope, depth: number): string {
    const sequence = this.#list(scope, depth)
    const inner = this.#bind(scope, this.#pick(LOCALS), "number")
    return `(${word} ${inner.text} in ${sequence} do ${this.#expression(kind, inner.scope, depth)})`
  }
}
