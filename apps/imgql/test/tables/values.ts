/**
 * What primitives come to, derived by hand from what they are said to do: rows of an expression and its value. Of an image
 * the value is its type, its size and its voxels. The images are those of `inputs.ts`.
 */
export type TableValue = number | string | boolean | null | readonly TableValue[] | TableImage

export interface TableImage {
  readonly type: string
  readonly size: readonly number[]
  readonly voxels: readonly number[]
}

export type Rows = readonly (readonly [expression: string, value: TableValue])[]

/** An image of three by two bytes. */
function bytes(...voxels: readonly number[]): TableImage {
  return { type: "uint8", size: [3, 2], voxels }
}

function floats(size: readonly number[], voxels: readonly number[]): TableImage {
  return { type: "float32", size, voxels }
}

const PLAIN: Readonly<Record<string, Rows>> = {
  "default.addition": [
    ["addition(2, 3)", 5],
    ["addition([1, 2], [10, 20])", [11, 22]],
    ["addition([1, 2], 3)", [4, 5]],
    ["addition(3, [])", []],
  ],
  "default.subtraction": [
    ["subtraction(2, 3)", -1],
    ["subtraction(10, [1, 2])", [9, 8]],
  ],
  "default.multiplication": [
    ["multiplication(2, 3)", 6],
    ["multiplication([1, 2], [3, 4])", [3, 8]],
  ],
  "default.division": [
    ["division(1, 4)", 0.25],
    ["division(1, 0)", "Infinity"],
    ["division(0, 0)", "NaN"],
  ],
  "default.and": [
    ["and(true, false)", false],
    ["and(true, 2)", true],
    ["and([true, false], true)", [true, false]],
  ],
  "default.or": [
    ["or(false, true)", true],
    ["or(0, false)", false],
  ],
  "default.not": [
    ["not(true)", false],
    ["not(0)", true],
    ["not([true, false])", [false, true]],
  ],
  "default.==": [
    ["2 == 2", true],
    ["[1, 2] == 2", [false, true]],
  ],
  "default.!=": [["2 != 2", false]],
  "default.<": [
    ["1 < 2", true],
    ["2 < 2", false],
  ],
  "default.<=": [
    ["2 <= 2", true],
    ["3 <= 2", false],
  ],
  "default.>": [
    ["3 > 2", true],
    ["2 > 2", false],
  ],
  "default.>=": [
    ["2 >= 2", true],
    ["1 >= 2", false],
  ],
  "default.lesser": [["lesser(3, -1)", -1]],
  "default.greater": [["greater(3, -1)", 3]],
  "default.range": [
    ["range(3)", [0, 1, 2]],
    ["range(2, 5)", [2, 3, 4]],
    ["range(5, 2)", []],
    ["range(0 - 2, 1)", [-2, -1, 0]],
  ],
  "default.sequence": [
    ['sequence(1, "a", true)', [1, "a", true]],
    ["sequence()", []],
  ],
  "default.index": [["index([5, 6], 1)", 6]],
  "default.slice": [
    ["slice([1, 2, 3, 4], 1, 3)", [2, 3]],
    ["slice([1, 2, 3, 4], 0 - 2, 2)", [1, 2]],
    ["slice([1, 2, 3], 2, 1)", []],
    ["slice([1, 2, 3], 1, 9)", [2, 3]],
  ],
  "default.subsequence": [
    ["subsequence([1, 2, 3], 2)", [1, 2]],
    ["subsequence([1, 2, 3], 1, 3)", [2, 3]],
    ["subsequence([1, 2, 3], 0)", []],
  ],
  "default.map": [
    ["map(length, [[1], []])", [1, 0]],
    ["map(fibonacci, [6, 7])", [8, 13]],
    ["map(not, [])", []],
  ],
  "default.dask_map": [["dask_map(length, [[1], []])", [1, 0]]],
  "default.argmax": [
    ["argmax([3, 9, 9])", 1],
    ["argmax([5])", 0],
  ],
  "default.length": [
    ["length([])", 0],
    ["length([[1, 2], 3])", 2],
  ],
  "default.print_primitive": [['print_primitive("said", [1, "a"])', [1, "a"]]],
  "default.dir": [
    ['dir("data")', ["lines.txt", "numbers.json", "sub"]],
    ['dir("data", "*.json", true)', ["numbers.json", "sub/more.json"]],
    ['dir("data", "*.json", false)', ["numbers.json"]],
  ],
  "default.load": [
    ['load("data/numbers.json")', [1, [2.5, "a"], null, [["key", true]]]],
    ['load("data/lines.txt")', ["first", "", "third"]],
    ['load("data/sub/raw.bin")', [0, 255, 10]],
  ],
  "strings.concat": [
    ['concat("a", 1, true, 0.5)', "a1true0.5"],
    ["concat()", ""],
  ],
  "strings.format_string": [
    ['format_string("{:.2f}", 2 / 3)', "0.67"],
    ['format_string("{} of {}", 1, "two")', "1 of two"],
  ],
  "test.fibonacci": [
    ["fibonacci(0)", 0],
    ["fibonacci(1)", 1],
    ["fibonacci(10)", 55],
  ],
  "test.demo_data": [
    ["length(demo_data)", 5],
    ["demo_data()[0][1][4]", 5],
  ],
  "test.impure": [
    ["impure(5)", 5],
    ['impure(["a", [true]])', ["a", [true]]],
  ],
  // Of the steps 0 to 3: ((0 * 31 + 1) * 31 + 2) * 31 + 3.
  "test.timewaste": [
    ["timewaste(2, 1)", 1026],
    ["timewaste(5, 0)", 0],
  ],
  "test.spin": [["spin(7.5, 1)", 7.5]],
}

const ON_IMAGES: Readonly<Record<string, Rows>> = {
  "test.shrink": [["shrink(up)", 15]],
  // 1 * 1664525 + 1013904223 begins with the byte 60, the next of the series with 94.
  "test.blob": [["extract(blob(1, 0.001, 0), [2, 1], [0, 0])", { type: "uint8", size: [2, 1], voxels: [60, 94] }]],
  "default.overlay": [
    [
      "overlay(up, m)",
      // Grays of 0, 51, 102 and so on, and half of each is red where the mask is.
      bytes(128, 32, 32, 153, 58, 58, 102, 102, 102, 204, 109, 109, 204, 204, 204, 255, 255, 255),
    ],
    ["overlay(none)", bytes(...Array.from({ length: 18 }, () => 0))],
  ],
  "arrays.vector_uint32": [["vector_uint32([0, 4294967295])", [0, 4294967295]]],
  "arrays.vector_double": [["vector_double([0.5, true])", [0.5, 1]]],
  "arrays.pixel_accuracy": [
    ["pixel_accuracy(m, n)", 0.5],
    ["pixel_accuracy(up, up)", 1],
    ["pixel_accuracy(up, down)", 0],
  ],
  "arrays.confusion_matrix": [
    [
      "confusion_matrix(m, n)",
      [
        [1, 1],
        [2, 2],
      ],
    ],
    [
      "confusion_matrix(m, none, 3)",
      [
        [3, 3, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
    ],
    ["confusion_matrix(none, none)", [[6]]],
  ],
  "arrays.dice_score": [
    ["dice_score(m, n)", 4 / 7],
    ["dice_score(m, m)", 1],
    ["dice_score(m, none)", 0],
    ["dice_score(none, none)", 1],
    ["dice_score(labels, up, 2)", 0],
    ["dice_score(labels, labels, 2)", 1],
  ],
  "arrays.jaccard_index": [
    ["jaccard_index(m, n)", 2 / 5],
    ["jaccard_index(m, none)", 0],
    ["jaccard_index(none, none)", 1],
  ],
  "arrays.count_pixels": [
    ["count_pixels(labels, 2)", 3],
    ["count_pixels(labels, 9)", 0],
    [
      "count_pixels(labels)",
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
    ],
  ],
  "arrays.threshold_equal": [
    ["threshold_equal(labels, 1)", bytes(0, 1, 1, 0, 0, 0)],
    ["threshold_equal(labels, 1, 7, 9)", bytes(9, 7, 7, 9, 9, 9)],
  ],
  "arrays.array_stats": [
    ["array_stats(up)", [2.5, Math.sqrt(35 / 12), 0, 5, 2.5, 6, 6]],
    ["array_stats(labels)", [4 / 3, Math.sqrt(5 / 9), 0, 2, 1.5, 6, 3]],
  ],
  "arrays.compare_arrays": [
    ["compare_arrays(up, down)", [0, 6, 0, 3, 5, -5, 5]],
    ["compare_arrays(m, n)", [3, 3, 1 / 6, 0.5, 1, -1, 1]],
  ],
  "geom.blank": [
    ["blank(3, 2)", floats([3, 2], [0, 0, 0, 0, 0, 0])],
    ["blank(2, 1, 7.5)", floats([2, 1], [7.5, 7.5])],
  ],
  "geom.circle": [
    [
      "circle(blank(5, 5), 2, 2, 1, 1)",
      floats([5, 5], [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
    ],
    ["circle(up, 0, 0, 0.5, 9)", bytes(9, 1, 2, 3, 4, 5)],
    ["circle(up, 90, 90, 2, 9)", bytes(0, 1, 2, 3, 4, 5)],
  ],
  "geom.regular_polygon": [
    // A square that stands on its corner, and a triangle that points to the left.
    [
      "regular_polygon(blank(5, 5), 2, 2, 2, 4, 1)",
      floats([5, 5], [0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0]),
    ],
    [
      "regular_polygon(blank(5, 5), 2, 2, 2, 3, 1)",
      floats([5, 5], [0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]),
    ],
  ],
  "vox1.label_mean": [["label_mean(labels, up)", floats([3, 2], [0, 1.5, 1.5, 4, 4, 4])]],
  "vox1.hd95": [
    ["hd95(left, right)", 2],
    ["hd95(left, left)", 0],
    // From the pair to the left one 0 and 2 mm, of which 95 in 100 lie below 1.9.
    ["hd95(pair, left)", 1.9],
    ["hd95(left, pair)", 1.9],
    ["hd95(empty, empty)", 0],
    ["hd95(left, empty)", "Infinity"],
    ["hd95(full, full)", 0],
  ],
  "vox1.nsd": [
    ["nsd(left, right, 2)", 1],
    ["nsd(left, right, 1.9)", 0],
    ["nsd(pair, left, 1)", 2 / 3],
    ["nsd(empty, empty, 1)", 1],
    ["nsd(left, empty, 1)", 0],
    ["nsd(full, full, 0)", 1],
  ],
  "simpleitk.Equal": [
    ["Equal(up, 2)", bytes(0, 0, 1, 0, 0, 0)],
    ["Equal(m, n)", bytes(0, 1, 0, 1, 1, 0)],
  ],
  "simpleitk.NotEqual": [["NotEqual(up, 2)", bytes(1, 1, 0, 1, 1, 1)]],
  "simpleitk.Less": [
    ["Less(up, 2)", bytes(1, 1, 0, 0, 0, 0)],
    ["Less(up, down)", bytes(1, 1, 1, 0, 0, 0)],
  ],
  "simpleitk.LessEqual": [["LessEqual(up, 2)", bytes(1, 1, 1, 0, 0, 0)]],
  "simpleitk.Greater": [["Greater(up, 2)", bytes(0, 0, 0, 1, 1, 1)]],
  "simpleitk.GreaterEqual": [["GreaterEqual(up, 2)", bytes(0, 0, 1, 1, 1, 1)]],
  "simpleitk.Minimum": [
    ["Minimum(up, down)", bytes(0, 1, 2, 2, 1, 0)],
    ["Minimum(up, 3)", bytes(0, 1, 2, 3, 3, 3)],
  ],
  "simpleitk.Maximum": [["Maximum(up, down)", bytes(5, 4, 3, 3, 4, 5)]],
  "simpleitk.Square": [
    ["Square(up)", bytes(0, 1, 4, 9, 16, 25)],
    ["Square(float)", floats([3, 2], [2.25, 0, 0.0625, 1, 6.25, 16])],
  ],
  "simpleitk.Sqrt": [
    ["Sqrt(squares)", floats([3, 2], [0, 1, 2, 3, 4, 5])],
    ["Sqrt(up)", bytes(0, 1, 1, 1, 2, 2)],
  ],
  "simpleitk.Exp": [["Exp(blank(2, 1))", floats([2, 1], [1, 1])]],
  "simpleitk.Log": [["Log(blank(2, 1, 1))", floats([2, 1], [0, 0])]],
  "simpleitk.UnaryMinus": [["UnaryMinus(squares)", floats([3, 2], [0, -1, -4, -9, -16, -25])]],
  "simpleitk.Abs": [["Abs(float)", floats([3, 2], [1.5, 0, 0.25, 1, 2.5, 4])]],
  "simpleitk.And": [["And(m, n)", bytes(0, 1, 0, 1, 0, 0)]],
  "simpleitk.Or": [["Or(m, n)", bytes(1, 1, 1, 1, 0, 1)]],
  "simpleitk.Xor": [["Xor(m, n)", bytes(1, 0, 1, 0, 0, 1)]],
  "simpleitk.Not": [["Not(labels)", bytes(1, 0, 0, 0, 0, 0)]],
  "simpleitk.Mask": [["Mask(up, m)", bytes(0, 1, 0, 3, 0, 0)]],
}

/** Rows by the primitive they are of. */
export const TABLE: Readonly<Record<string, Rows>> = { ...PLAIN, ...ON_IMAGES }
