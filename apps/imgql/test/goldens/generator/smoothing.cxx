// Filters that look around each voxel: medians, Gaussians, curvature flow, gradients.
#include <itkCurvatureFlowImageFilter.h>
#include <itkDiscreteGaussianImageFilter.h>
#include <itkGradientMagnitudeImageFilter.h>
#include <itkMedianImageFilter.h>
#include <itkSmoothingRecursiveGaussianImageFilter.h>

#include "golden.h"

namespace
{
template <class T, unsigned D>
void addMedian(const Input<Image<T, D>> & image, const std::vector<unsigned> & radius)
{
  golden("simpleitk.Median", { image, radius }, [&] {
    auto                                                                filter = itk::MedianImageFilter<Image<T, D>, Image<T, D>>::New();
    typename itk::MedianImageFilter<Image<T, D>, Image<T, D>>::RadiusType size;
    for (unsigned axis = 0; axis < D; ++axis)
    {
      size[axis] = radius[axis];
    }
    filter->SetInput(image.image);
    filter->SetRadius(size);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addDiscrete(const Input<Image<T, D>> &  image,
                 const std::vector<double> & variance,
                 unsigned                    width,
                 double                      error,
                 bool                        isSpaced)
{
  golden("simpleitk.DiscreteGaussian", { image, variance, width, error, isSpaced }, [&] {
    using Filter = itk::DiscreteGaussianImageFilter<Image<T, D>, Image<T, D>>;
    auto                       filter = Filter::New();
    typename Filter::ArrayType variances;
    for (unsigned axis = 0; axis < D; ++axis)
    {
      variances[axis] = variance[axis];
    }
    filter->SetInput(image.image);
    filter->SetVariance(variances);
    filter->SetMaximumKernelWidth(static_cast<int>(width));
    filter->SetMaximumError(error);
    filter->SetUseImageSpacing(isSpaced);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addRecursive(const Input<Image<T, D>> & image, const std::vector<double> & sigma)
{
  golden("simpleitk.SmoothingRecursiveGaussian", { image, sigma }, [&] {
    // SimpleITK's output is float32, whatever the input is.
    using Filter = itk::SmoothingRecursiveGaussianImageFilter<Image<T, D>, Image<float, D>>;
    auto                            filter = Filter::New();
    typename Filter::SigmaArrayType sigmas;
    for (unsigned axis = 0; axis < D; ++axis)
    {
      sigmas[axis] = sigma[axis];
    }
    filter->SetInput(image.image);
    filter->SetSigmaArray(sigmas);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addFlow(const Input<Image<T, D>> & image, double timeStep, unsigned iterations)
{
  golden("simpleitk.CurvatureFlow", { image, timeStep, iterations }, [&] {
    // SimpleITK's output is float64, the RealType of all scalars.
    auto filter = itk::CurvatureFlowImageFilter<Image<T, D>, Image<double, D>>::New();
    filter->SetInput(image.image);
    filter->SetTimeStep(timeStep);
    filter->SetNumberOfIterations(iterations);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addGradient(const Input<Image<T, D>> & image)
{
  const auto compute = [&](bool isSpaced) {
    auto filter = itk::GradientMagnitudeImageFilter<Image<T, D>, Image<float, D>>::New();
    filter->SetInput(image.image);
    filter->SetUseImageSpacing(isSpaced);
    return run(filter.GetPointer());
  };
  golden("simpleitk.GradientMagnitude", { image }, [&] { return compute(true); });
  golden("simpleitk.GradientMagnitude", { image, false }, [&] { return compute(false); });
  golden("vox1.gradient", { image }, [&] { return compute(true); });
}
} // namespace

void addSmoothing()
{
  addMedian(input<float, 3>("A"), { 1, 1, 1 });
  addMedian(input<float, 3>("A"), { 2, 0, 1 });
  addMedian(input<int16_t, 2>("W"), { 1, 1 });
  addMedian(input<int16_t, 2>("W"), { 2, 3 });
  addMedian(input<uint8_t, 2>("half"), { 1, 1 });
  addMedian(input<double, 2>("W"), { 1, 0 });
  addMedian(input<float, 2>("infinite"), { 1, 1 });
  addMedian(input<uint32_t, 3>("W", "voxel"), { 1, 1, 1 });
  addMedian(input<float, 3>("A", "row"), { 1, 1, 1 });
  addMedian(input<float, 2>("A"), { 0, 0 });

  addDiscrete(input<float, 3>("A"), { 1, 1, 1 }, 32, 0.01, true);
  addDiscrete(input<float, 3>("A"), { 4, 1, 0.25 }, 32, 0.001, true);
  addDiscrete(input<float, 2>("A"), { 1, 1 }, 32, 0.01, false);
  addDiscrete(input<float, 2>("A"), { 9, 9 }, 4, 0.001, true);
  addDiscrete(input<float, 2>("A"), { 0, 2 }, 32, 0.01, true);
  addDiscrete(input<uint8_t, 2>("W"), { 1, 1 }, 32, 0.01, true);
  addDiscrete(input<int16_t, 2>("W"), { 2, 2 }, 32, 0.01, true);
  addDiscrete(input<double, 2>("W"), { 2, 2 }, 32, 0.01, true);
  addDiscrete(input<float, 3>("A", "voxel"), { 1, 1, 1 }, 32, 0.01, true);
  addDiscrete(input<float, 3>("A", "row"), { 1, 1, 1 }, 32, 0.01, true);

  addRecursive(input<float, 3>("A"), { 1, 1, 1 });
  addRecursive(input<float, 3>("A"), { 0.5, 2, 4 });
  addRecursive(input<float, 2>("A"), { 1, 1 });
  addRecursive(input<float, 2>("A"), { 10, 0.3 });
  addRecursive(input<uint8_t, 2>("W"), { 1, 1 });
  addRecursive(input<int16_t, 3>("W"), { 2, 2, 2 });
  addRecursive(input<double, 2>("W"), { 1, 1.5 });
  addRecursive(input<float, 2>("A"), { 0, 1 });
  addRecursive(input<float, 3>("A", "row"), { 1, 1, 1 });

  addFlow(input<float, 3>("A"), 0.05, 5);
  addFlow(input<float, 3>("Q"), 0.05, 3);
  addFlow(input<float, 2>("A"), 0.125, 10);
  addFlow(input<int16_t, 2>("Q"), 0.1, 2);
  addFlow(input<double, 2>("W"), 0.0625, 4);
  addFlow(input<float, 2>("A"), 0.05, 0);
  addFlow(input<float, 3>("A", "voxel"), 0.05, 5);
  addFlow(input<float, 2>("A", "column"), 0.05, 5);

  addGradient(input<float, 3>("A"));
  addGradient(input<float, 2>("Q"));
  addGradient(input<uint8_t, 2>("W"));
  addGradient(input<int16_t, 3>("W"));
  addGradient(input<uint32_t, 2>("W"));
  addGradient(input<double, 2>("W"));
  addGradient(input<float, 2>("wild"));
  addGradient(input<float, 3>("A", "voxel"));
  addGradient(input<float, 3>("A", "row"));
  addGradient(input<float, 2>("A", "column"));
  addGradient(input<float, 3>("A", "turned"));
}
