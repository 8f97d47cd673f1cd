import { describe, expect, it } from "vitest"
import { parseExpression, parseProgram } from "./parser.ts"
import { expressionToJson, programToJson } from "./syntax-json.ts"
import { partsOf, postOrder } from "./syntax.ts"

describe("the tree as JSON", () => {
  it("has every part of a program", () => {
    const source = [
      'import "vox1"',
      "let f(a, b) = -a + [1, true][0]",
      'x = let y = "s" in fold + 0 xs[1:]',
      'save "x.nii" (for i in xs do filter j in ys do f(i, j))',
      'print "p" fold max xs',
    ].join("\n")
    const { program } = parseProgram(source, "p.imgql")
    expect(JSON.parse(programToJson(program))).toMatchInlineSnapshot(`
      {
        "commands": [
          {
            "kind": "import",
            "path": "vox1",
            "span": [
              0,
              13,
            ],
          },
          {
            "body": {
              "arguments": [
                {
                  "arguments": [
                    {
                      "kind": "name",
                      "name": "a",
                      "span": [
                        29,
                        30,
                      ],
                    },
                  ],
                  "callee": "-",
                  "kind": "call",
                  "span": [
                    28,
                    30,
                  ],
                  "spelling": "prefix",
                },
                {
                  "index": {
                    "kind": "number",
                    "span": [
                      43,
                      44,
                    ],
                    "value": 0,
                  },
                  "kind": "index",
                  "sequence": {
                    "items": [
                      {
                        "kind": "number",
                        "span": [
                          34,
                          35,
                        ],
                        "value": 1,
                      },
                      {
                        "kind": "boolean",
                        "span": [
                          37,
                          41,
                        ],
                        "value": true,
                      },
                    ],
                    "kind": "list",
                    "span": [
                      33,
                      42,
                    ],
                  },
                  "span": [
                    33,
                    45,
                  ],
                },
              ],
              "callee": "+",
              "kind": "call",
              "span": [
                28,
                45,
              ],
              "spelling": "infix",
            },
            "kind": "let",
            "name": "f",
            "parameters": [
              {
                "name": "a",
                "span": [
                  20,
                  21,
                ],
              },
              {
                "name": "b",
                "span": [
                  23,
                  24,
                ],
              },
            ],
            "span": [
              14,
              45,
            ],
          },
          {
            "body": {
              "binder": {
                "name": "y",
                "span": [
                  54,
                  55,
                ],
              },
              "body": {
                "initial": {
                  "kind": "number",
                  "span": [
                    72,
                    73,
                  ],
                  "value": 0,
                },
                "kind": "fold",
                "operator": "+",
                "sequence": {
                  "kind": "slice",
                  "sequence": {
                    "kind": "name",
                    "name": "xs",
                    "span": [
                      74,
                      76,
                    ],
                  },
                  "span": [
                    74,
                    80,
                  ],
                  "start": {
                    "kind": "number",
                    "span": [
                      77,
                      78,
                    ],
                    "value": 1,
                  },
                  "stop": null,
                },
                "span": [
                  65,
                  80,
                ],
              },
              "kind": "let-in",
              "span": [
                50,
                80,
              ],
              "value": {
                "kind": "string",
                "span": [
                  58,
                  61,
                ],
                "value": "s",
              },
            },
            "kind": "let",
            "name": "x",
            "parameters": null,
            "span": [
              46,
              80,
            ],
          },
          {
            "kind": "save",
            "span": [
              81,
              136,
            ],
            "target": "x.nii",
            "value": {
              "binder": {
                "name": "i",
                "span": [
                  99,
                  100,
                ],
              },
              "body": {
                "binder": {
                  "name": "j",
                  "span": [
                    117,
                    118,
                  ],
                },
                "body": {
                  "arguments": [
                    {
                      "kind": "name",
                      "name": "i",
                      "span": [
                        130,
                        131,
                      ],
                    },
                    {
                      "kind": "name",
                      "name": "j",
                      "span": [
                        133,
                        134,
                      ],
                    },
                  ],
                  "callee": "f",
                  "kind": "call",
                  "span": [
                    128,
                    135,
                  ],
                  "spelling": "call",
                },
                "kind": "filter",
                "sequence": {
                  "kind": "name",
                  "name": "ys",
                  "span": [
                    122,
                    124,
                  ],
                },
                "span": [
                  110,
                  135,
                ],
              },
              "kind": "for",
              "sequence": {
                "kind": "name",
                "name": "xs",
                "span": [
                  104,
                  106,
                ],
              },
              "span": [
                95,
                135,
              ],
            },
          },
          {
            "kind": "print",
            "label": "p",
            "span": [
              137,
              158,
            ],
            "value": {
              "initial": null,
              "kind": "fold",
              "operator": "max",
              "sequence": {
                "kind": "name",
                "name": "xs",
                "span": [
                  156,
                  158,
                ],
              },
              "span": [
                147,
                158,
              ],
            },
          },
        ],
        "file": "p.imgql",
        "form": 1,
      }
    `)
  })

  it("is the same for the same program, and JSON for any number", () => {
    const { expression } = parseExpression("[-0, 1e999, -1e999, .5]", "p.imgql")
    const json = expression === null ? "" : expressionToJson(expression)
    expect(json).toContain('{"kind":"number","value":1e999,"span":[5,10]}')
    expect(JSON.parse(json)).toMatchObject({
      items: [{ value: -0 }, { value: Infinity }, { value: -Infinity }, { value: 0.5 }],
    })
  })

  it("is written of deep trees", () => {
    const { expression } = parseExpression(Array.from({ length: 20_000 }, () => "a").join(" + "), "p.imgql")
    if (expression === null) throw new Error("it has problems")
    expect(expressionToJson(expression).split('"infix"').length).toBe(20_000)
  })
})

describe("going through a tree", () => {
  it("meets the parts of everything before itself, from left to right", () => {
    const text = "f(a, [b, c])[d:e] + (let g = h in for i in j do filter k in l do fold + m n)"
    const { expression } = parseExpression(text, "p.imgql")
    if (expression === null) throw new Error("it has problems")
    const met = [...postOrder(expression)].map((one) => text.slice(one.span.start, one.span.end))
    expect(met.filter((one) => one.length === 1)).toEqual(["a", "b", "c", "d", "e", "h", "j", "l", "m", "n"])
    expect(met.at(-1)).toBe(text)
    expect(met.indexOf("[b, c]")).toBeLessThan(met.indexOf("f(a, [b, c])"))
    expect(partsOf(expression).length).toBe(2)
  })
})
