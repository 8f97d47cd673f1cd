// Bias fields and superpixels: filters that go on until their own results lead nowhere else.
#include <itkN4BiasFieldCorrectionImageFilter.h>
#include <itkSLICImageFilter.h>

#include "golden.h"

namespace
{
struct Fit
{
  std::vector<unsigned> iterations{ 50, 50, 50, 50 };
  double                threshold = 0.001;
  double                width = 0.15;
  double                noise = 0.01;
  unsigned              bins = 200;
  unsigned              points = 4;
  unsigned              order = 3;
};

template <class T, unsigned D>
typename Image<T, D>::Pointer correct(const Image<T, D> * image, const Image<uint8_t, D> * mask, const Fit & fit)
{
  using Filter = itk::N4BiasFieldCorrectionImageFilter<Image<T, D>, Image<uint8_t, D>, Image<T, D>>;
  auto                                   filter = Filter::New();
  typename Filter::VariableSizeArrayType iterations(static_cast<unsigned>(fit.iterations.size()));
  typename Filter::ArrayType             points;
  for (unsigned at = 0; at < fit.iterations.size(); ++at)
  {
    iterations[at] = fit.iterations[at];
  }
  points.Fill(fit.points);
  filter->SetInput(image);
  if (mask != nullptr)
  {
    filter->SetMaskImage(mask);
  }
  filter->SetConvergenceThreshold(static_cast<float>(fit.threshold));
  filter->SetMaximumNumberOfIterations(iterations);
  filter->SetNumberOfFittingLevels(static_cast<unsigned>(fit.iterations.size()));
  filter->SetBiasFieldFullWidthAtHalfMaximum(static_cast<float>(fit.width));
  filter->SetWienerFilterNoise(static_cast<float>(fit.noise));
  filter->SetNumberOfHistogramBins(fit.bins);
  filter->SetNumberOfControlPoints(points);
  filter->SetSplineOrder(fit.order);
  filter->SetUseMaskLabel(true); // SimpleITK's default.
  filter->SetMaskLabel(1);
  return run(filter.GetPointer());
}

template <class T, unsigned D>
void addDefault(const Input<Image<T, D>> & image)
{
  golden("vox1.n4", { image }, [&] { return correct<T, D>(image.image, nullptr, Fit()); });
  golden("simpleitk.N4BiasFieldCorrection", { image }, [&] { return correct<T, D>(image.image, nullptr, Fit()); });
}

template <class T, unsigned D>
void addMasked(const Input<Image<T, D>> & image, const Input<Image<uint8_t, D>> & mask)
{
  const auto compute = [&] { return correct<T, D>(image.image, mask.image, Fit()); };
  golden("vox1.n4", { image, mask }, compute);
  golden("simpleitk.N4BiasFieldCorrection", { image, mask }, compute);
}

template <class T, unsigned D>
void addFit(const Input<Image<T, D>> & image, const Fit & fit)
{
  golden(
    "simpleitk.N4BiasFieldCorrection",
    { image, fit.threshold, fit.iterations, fit.width, fit.noise, fit.bins, fit.points, fit.order },
    [&] { return correct<T, D>(image.image, nullptr, fit); });
}

template <class I>
typename Image<uint32_t, I::ImageDimension>::Pointer cluster(const I *                     image,
                                                             const std::vector<unsigned> & grid,
                                                             double                        weight,
                                                             unsigned                      iterations,
                                                             bool                          isConnected,
                                                             bool                          isPerturbed)
{
  using Filter = itk::SLICImageFilter<I, Image<uint32_t, I::ImageDimension>>;
  auto                               filter = Filter::New();
  typename Filter::SuperGridSizeType size;
  for (unsigned axis = 0; axis < I::ImageDimension; ++axis)
  {
    size[axis] = grid[axis];
  }
  filter->SetInput(image);
  filter->SetSuperGridSize(size);
  filter->SetSpatialProximityWeight(weight);
  filter->SetMaximumNumberOfIterations(iterations);
  filter->SetEnforceConnectivity(isConnected);
  filter->SetInitializationPerturbation(isPerturbed);
  return run(filter.GetPointer());
}

// Half-way between two voxels ITK rounds a center as it comes back from millimeters, up or down by the last bits of a matrix.
// On these grids none lies there, or millimeters are exact.
template <class I>
void addClusters(const Input<I> & image, const std::vector<unsigned> & grid, double weight)
{
  golden("vox1.slic", { image, grid, weight }, [&] { return cluster<I>(image.image, grid, weight, 5, true, true); });
  golden("simpleitk.SLIC", { image, grid, weight, 2u, false, false }, [&] {
    return cluster<I>(image.image, grid, weight, 2, false, false);
  });
  golden("simpleitk.SLIC", { image, grid, weight, 1u, true, false }, [&] {
    return cluster<I>(image.image, grid, weight, 1, true, false);
  });
  golden("simpleitk.SLIC", { image, grid, weight, 7u, false, true }, [&] {
    return cluster<I>(image.image, grid, weight, 7, false, true);
  });
}
} // namespace

void addBias()
{
  addDefault(input<float, 3>("shaded", "head"));
  addDefault(input<float, 2>("shaded", "slice"));
  addDefault(input<double, 2>("shaded", "slice"));
  addDefault(input<float, 2>("all"));
  addDefault(input<float, 2>("none"));
  addMasked(input<float, 3>("shaded", "head"), input<uint8_t, 3>("half", "head"));
  addMasked(input<float, 2>("shaded", "slice"), input<uint8_t, 2>("dense", "slice"));
  addMasked(input<float, 2>("shaded", "slice"), input<uint8_t, 2>("all", "slice"));
  Fit few;
  few.iterations = { 3 };
  addFit(input<float, 3>("shaded", "head"), few);
  few.iterations = { 4, 2 };
  few.points = 5;
  few.bins = 100;
  addFit(input<float, 2>("shaded", "slice"), few);
  few.width = 0.3;
  few.noise = 0.1;
  few.order = 2;
  addFit(input<float, 2>("shaded", "slice"), few);
  few.order = 1;
  addFit(input<float, 3>("shaded", "head"), few);
  few.iterations = { 0 };
  addFit(input<float, 2>("shaded", "slice"), few);

  addClusters(input<float, 3>("A", "head"), { 3, 3, 3 }, 0.5);
  addClusters(input<float, 3>("shaded", "head"), { 5, 5, 3 }, 10);
  addClusters(input<float, 2>("shaded", "slice"), { 5, 5 }, 40);
  addClusters(input<uint8_t, 2>("W", "slice"), { 7, 3 }, 100);
  addClusters(input<int16_t, 2>("Q", "slice"), { 4, 4 }, 2);
  addClusters(input<double, 2>("shaded", "slice"), { 9, 9 }, 1);
  addClusters(colors<uint8_t, 2>(3, "slice"), { 5, 5 }, 60);
  addClusters(colors<float, 3>(2, "head"), { 4, 4, 4 }, 200);
  addClusters(input<uint8_t, 3>("half", "head"), { 2, 2, 2 }, 1);
  addClusters(input<uint8_t, 2>("none", "slice"), { 6, 6 }, 1);
  addClusters(input<uint8_t, 2>("all", "dot"), { 1, 1 }, 1);
  addClusters(input<float, 2>("A", "slice"), { 50, 50 }, 10);
}
