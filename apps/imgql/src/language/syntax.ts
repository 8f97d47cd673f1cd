/**
 * The tree of a program: what the parser makes and everything else reads.
 *
 * Operators are names, so `a + b`, `+(a, b)` and `-x` are all calls; `spelling` remembers how one was written. A name that
 * stands alone is a `name`, whether it turns out to be a value, a function, or a call of what takes no arguments.
 *
 * Trees may be deep: `a + b + c …` nests to the left once an operator, and parentheses nest as far as somebody writes them.
 * Whatever goes through a tree therefore keeps a stack of its own ({@link postOrder}) instead of calling itself.
 */

/** Offsets into the source text, in UTF-16 units: from `start` up to but not including `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Program {
  /** Where the text came from; imports are relative to it, and problems name it. */
  readonly file: string
  readonly source: string
  readonly commands: readonly Command[]
}

export type Command = LetCommand | SaveCommand | PrintCommand | ImportCommand

/** `let x = body`, `f(a, b) = body`: the word `let` is optional. */
export interface LetCommand {
  readonly kind: "let"
  readonly name: string
  readonly nameSpan: Span
  /** Null for a plain value; empty for a function that takes nothing. */
  readonly parameters: readonly Binder[] | null
  readonly body: Expression
  readonly span: Span
}

export interface SaveCommand {
  readonly kind: "save"
  /** The file to write, as it stands between the quotes. */
  readonly target: string
  readonly value: Expression
  readonly span: Span
}

export interface PrintCommand {
  readonly kind: "print"
  readonly label: string
  readonly value: Expression
  readonly span: Span
}

export interface ImportCommand {
  readonly kind: "import"
  readonly path: string
  readonly pathSpan: Span
  readonly span: Span
}

/** A name where it is introduced: a parameter or the variable of a `let … in`, `for` or `filter`. */
export interface Binder {
  readonly name: string
  readonly span: Span
}

export type Expression =
  | NumberExpression
  | BooleanExpression
  | StringExpression
  | NameExpression
  | CallExpression
  | LetInExpression
  | ForExpression
  | FilterExpression
  | FoldExpression
  | ListExpression
  | IndexExpression
  | SliceExpression

export interface NumberExpression {
  readonly kind: "number"
  /** Its sign included: `-1` where a value is expected is one number. */
  readonly value: number
  readonly span: Span
}

export interface BooleanExpression {
  readonly kind: "boolean"
  readonly value: boolean
  readonly span: Span
}

export interface StringExpression {
  readonly kind: "string"
  /** What stands between the quotes, backslashes included: nothing is unescaped. */
  readonly value: string
  readonly span: Span
}

export interface NameExpression {
  readonly kind: "name"
  readonly name: string
  readonly span: Span
}

/** How a call was written. `-(x)` and `-x` are both `prefix`, being the same to a reader. */
export type Spelling = "call" | "infix" | "prefix"

export interface CallExpression {
  readonly kind: "call"
  readonly callee: string
  readonly calleeSpan: Span
  readonly arguments: readonly Expression[]
  readonly spelling: Spelling
  readonly span: Span
}

export interface LetInExpression {
  readonly kind: "let-in"
  readonly binder: Binder
  readonly value: Expression
  readonly body: Expression
  readonly span: Span
}

export interface ForExpression {
  readonly kind: "for"
  readonly binder: Binder
  readonly sequence: Expression
  readonly body: Expression
  readonly span: Span
}

export interface FilterExpression {
  readonly kind: "filter"
  readonly binder: Binder
  readonly sequence: Expression
  readonly body: Expression
  readonly span: Span
}

export interface FoldExpression {
  readonly kind: "fold"
  readonly operator: string
  readonly operatorSpan: Span
  /** Null where the operator's own is used. */
  readonly initial: Expression | null
  readonly sequence: Expression
  readonly span: Span
}

export interface ListExpression {
  readonly kind: "list"
  readonly items: readonly Expression[]
  readonly span: Span
}

export interface IndexExpression {
  readonly kind: "index"
  readonly sequence: Expression
  readonly index: Expression
  readonly span: Span
}

export interface SliceExpression {
  readonly kind: "slice"
  readonly sequence: Expression
  readonly start: Expression | null
  readonly stop: Expression | null
  readonly span: Span
}

/** The parts of an expression that are expressions, in the order they are written. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "number":
    case "boolean":
    case "string":
    case "name":
      return []
    case "call":
      return expression.arguments
    case "let-in":
      return [expression.value, expression.body]
    case "for":
    case "filter":
      return [expression.sequence, expression.body]
    case "fold":
      return expression.initial === null ? [expression.sequence] : [expression.initial, expression.sequence]
    case "list":
      return expression.items
    case "index":
      return [expression.sequence, expression.index]
    case "slice":
      return [expression.sequence, expression.start, expression.stop].filter((part) => part !== null)
  }
}

/** Every expression of a tree, the parts of each before itself and from left to right, however deep it is. */
export function* postOrder(root: Expression): Generator<Expression> {
  const open: { readonly expression: Expression; readonly parts: readonly Expression[]; next: number }[] = []
  open.push({ expression: root, parts: partsOf(root), next: 0 })
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const part = top.parts[top.next]
    if (part === undefined) {
      open.pop()
      yield top.expression
      continue
    }
    top.next += 1
    open.push({ expression: part, parts: partsOf(part), next: 0 })
  }
}

/** Words that are never names: where a value is expected they begin or divide an expression. */
export const WORDS: ReadonlySet<string> = new Set(["let", "in", "for", "do", "filter", "fold", "true", "false"])

/** Words that begin a command. Anywhere else they are names: the standard library defines a function `print`. */
export const COMMAND_WORDS: ReadonlySet<string> = new Set(["let", "save", "print", "import"])

/** What every program finds defined, and none may define: its own file and where it runs. */
export const PROGRAM_VARIABLES: ReadonlySet<string> = new Set(["$stem", "$file", "$filename", "$dir", "$cwd"])

/** What `fold` can combine with. */
export const FOLD_OPERATORS: readonly string[] = ["+", "-", "*", "/", "&&", "||", "min", "max"]
