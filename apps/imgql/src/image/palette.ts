/** The colors that masks are laid over images in, told apart by most eyes: red, green and blue of each. */
export const MASK_COLORS: readonly (readonly [number, number, number])[] = [
  [255, 64, 64],
  [64, 160, 255],
  [80, 220, 100],
  [255, 190, 40],
  [200, 100, 255],
  [40, 220, 220],
]

/** How much of a voxel the color takes. */
export const MASK_OPACITY = 0.5
