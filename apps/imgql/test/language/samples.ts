/**
 * Programs as VoxLogicA's documents, tests and examples describe them, written anew: each construct and each sharp edge of
 * theirs is in one of them. They are to be read and to pass the checks.
 */

function times(count: number, line: (at: number) => string): string {
  return Array.from({ length: count }, (_, at) => line(at)).join("\n")
}

const CASE = 'import "simpleitk"\nlet img = ReadImage("head.nii.gz")\n'

/** Each level calls the one before twice and more: expanded without memory, it grows threefold a level. */
function explode(depth: number): string {
  const levels = times(depth, (at) => `let f${at + 1}(x) = f${at}(x) + f${at}(x + 1) + f${at}(x * 2)`)
  return `let f0(x) = x\n${levels}\nprint "explosion" f${depth}(1)`
}

export const SAMPLES: Readonly<Record<string, string>> = {
  test_dedup: `${CASE}let data = for i in range(1,5) do BinaryThreshold(img,100,101,1,0)\nprint "data" data`,
  test_small_dedup: `${CASE}let data = for i in range(1,3) do BinaryThreshold(img,100,101,1,0)\nprint "data" data`,
  test_large_dedup: `${CASE}let data = for i in range(1,10) do BinaryThreshold(img,100,101,1,0)\nprint "data" data`,
  test_dedup_debug: `${CASE}print "alone" BinaryThreshold(img,100,101,1,0)
print "loop" for i in range(0,3) do BinaryThreshold(img,100,101,1,0)`,
  test_variant_dedup: `${CASE}print "data" for i in range(100,103) do BinaryThreshold(img,i,200,1,0)`,
  test_loop_variant_debug: `${CASE}print "data" for i in range(0,3) do BinaryThreshold(img,100+i,200,1,0)`,
  test_simpleitk: `${CASE}let t = BinaryThreshold(img,100,101,1,0)
${times(499, (at) => `let m${at} = Multiply(BinaryThreshold(img,100,101,1,0), ${at === 0 ? "img" : `m${at - 1}`})`)}
print "extremes" MinimumMaximum(m498)`,
  test_simple_for: 'print "loop" for i in range(0,5) do i + 10',
  closure_basic_test:
    'let k = 100\nprint "plus" for i in range(0, 3) do +(i, 1)\nprint "captured" for i in range(0,3) do i+k',
  test_simpleitk_small: 'import "test"\nprint "impure" for i in range(0,5) do impure(0)',
  test: 'import "test"\nprint "waste" timewaste(20,20)+timewaste(20,20)',
  fibonacci_chain: `let x0 = 0\nlet x1 = 1\n${times(998, (at) => `let x${at + 2} = x${at} + x${at + 1}`)}\nprint "fib" x999`,
  function_explosion: explode(10),
  nested_let: `let x = 1
print "shadow" let x=1 in let x=x+10 in x+5
print "two" let a = 1 in let b = a + 1 in a + b
print "in a call" +(let a = 2 in a, let b = 3 in b)
print "in a loop" for i in range(0, 3) do let j = i * 2 in j + x
let f(n) = let m = n + 1 in m * m
print "in a function" f(3)
print "of a loop" let xs = for i in range(0, 3) do i in xs[1]
print "deep" let a = let b = let c = 1 in c + 1 in b + 1 in a + x`,
  symbolic_infix: 'SUM(a,b) = a + b\n+?(a,b) = a * b + 1\nprint "sum" 4 SUM 9\nprint "symbols" 5 +? 8',
  prefix_unary: 'NEG(x) = 0 - x\nprint "negated" NEG 11',
  signs: 'let x = 5\nprint "a" x+1\nprint "b" x-1\nprint "c" 1+2\nprint "d" x -1\nlet lo = 0\nprint "e" range(lo, x+1)',
  no_arguments: 'import "nnunet"\nprint "env" env_check()',
  left_to_right: 'print "twenty" 2 + 3 * 4\nprint "five" 10 - 3 - 2',
  sequences: `rows = [[1, 2], [3, 4 + 1]]
xs = [1, 2, 3, 4]
print "item" rows[1][1]
print "some" xs[1:3]
print "all" [xs[:2], xs[2:], xs[:]]
print "large" filter x in xs do x .>. 2
print "sum" fold + 0 xs
print "product" fold * xs
print "largest" fold max xs
print "quotient" fold / 1 xs
print "every" fold && true (for x in xs do x .>. 0)
square(x) = x * x
print "squares" map(square, xs)
print "best" argmax(xs)`,
  strings: 'import "strings"\nprint "text" concat("avg=", format_string("{:.2f}", 1 / 3), $stem)',
  qualified: 'import "simpleitk"\nlet img = simpleitk.ReadImage("head.nii.gz")\nprint "size" default.addition(1, 2)',
  dot_operators: `import "vox1"
print "numbers" (2 .*. 3) ./. (4 .+. 5) .<=. 1
mask = 60 .<= x
print "voxels" volume(mask & (x <. 100))`,
  mixed: `import "simpleitk"
import "strings"
import "vox1"
i = intensity(ReadImage("head.nii.gz"))
corr = crossCorrelation(2,i,i,tt,min(i),max(i),16)
print "summary" concat("corr=", format_string("{:.4f}", avg(corr, 60 .<= i)))`,
  tumour: `import "simpleitk"
import "vox1"
let dice(x, y) = (2 .*. volume(x & y)) ./. (volume(x) .+. volume(y))
let flair = intensity(ReadImage("flair.nii.gz"))
let truth = intensity(ReadImage("seg.nii.gz")) >. 0
let background = touch(flair <. 0.1, border)
let brain = !background
let pflair = percentiles(flair, brain, 0.5)
let flt(r, a) = (dt(distgeq(r, !a))) <. r
let hyperIntense = flt(5.0, pflair >. 0.95)
let veryIntense = flt(2.0, pflair >. 0.86)
let growTum = grow(hyperIntense, veryIntense)
let similar(a) = crossCorrelation(3, flair, flair, a, min(flair), max(flair), 20)
let gtv = grow(growTum, flt(2.0, similar(growTum) >. 0.6))
print "dice" dice(gtv, truth)
save "output/gtv.nii.gz" gtv`,
  coloured_items: `import "simpleitk"
let image = ReadImage("items.png")
let r = red(image)
let g = green(image)
let b = blue(image)
let grey = (r >. 120) & (g >. 120) & (b >. 120)
let background = touch(grey, border)
let things0 = (!background) \\ touch(!background, border)
let things = smoothen(things0, 5)
save "output/masked.png" rgb(mask(r, things), mask(g, things), mask(b, things))`,
  threshold_sweep: `import "simpleitk"
import "vox1"
cases = subsequence(dir("cases", "*_flair.nii.gz", true, true), 0, 20)
thresholds = for tick in range(0, 100) do tick / 100
sweep(path) =
  let i = intensity(ReadImage(path)) in
  let p = percentiles(i, i >. 0, 0) in
  for t in thresholds do volume(t .<= p)
best(i) = let s = sweep(index(cases, i)) in s[argmax(s)]
print "volumes" for path in cases do sweep(path)
print "best" for i in range(0, 20) do best(i)`,
  written_in_a_loop: `import "simpleitk"
import "strings"
out = "output"
name(i) = concat(out, "/case_", format_string("{:03.0f}", i))
plane(img, k) = and(img, eq_sv(k, z(img)))
print "written" for i in range(0, 3) do
  let img = ReadImage(concat("case", i, ".nii.gz")) in
  [ WriteImage(plane(img, floor_of(i)), concat(name(i), ".png")) ]`.replace("floor_of(i)", "i"),
  prefix_calls: `import "vox1"
background(channel, brain) = *(mask(channel, brain), 60.0)
levels(a, b) = +(+(*(a, 85.0), *(b, 170.0)), -(255, 1))
print "levels" volume(levels(x, border) >. 1)`,
}
