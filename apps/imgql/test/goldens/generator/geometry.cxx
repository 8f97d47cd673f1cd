// Images on other grids, images of places, and components of colors.
#include <itkAddImageFilter.h>
#include <itkComposeImageFilter.h>
#include <itkExtractImageFilter.h>
#include <itkImageRegionIteratorWithIndex.h>
#include <itkLinearInterpolateImageFunction.h>
#include <itkMultiplyImageFilter.h>
#include <itkNearestNeighborInterpolateImageFunction.h>
#include <itkResampleImageFilter.h>
#include <itkVectorIndexSelectionCastImageFilter.h>

#include "golden.h"

namespace
{
template <class From, class To>
void addExtract(const Input<From> & image, const std::vector<int> & size, const std::vector<int> & index)
{
  for (const std::string name : { "simpleitk.Extract", "vox1.extract" })
  {
    golden(name, { image, size, index }, [&] {
      typename From::RegionType region;
      for (unsigned axis = 0; axis < From::ImageDimension; ++axis)
      {
        region.SetSize(axis, static_cast<size_t>(size[axis]));
        region.SetIndex(axis, index[axis]);
      }
      auto filter = itk::ExtractImageFilter<From, To>::New();
      filter->SetInput(image.image);
      filter->SetExtractionRegion(region);
      filter->SetDirectionCollapseToGuess(); // SimpleITK's default.
      return run(filter.GetPointer());
    });
  }
}

template <class T, unsigned D>
void addResample(const Input<Image<T, D>> & image, const std::string & grid, const std::string & how, double outside)
{
  using I = Image<T, D>;
  const auto like = input<uint8_t, D>("none", grid);
  golden("simpleitk.Resample", { image, like, text(how), outside }, [&] {
    auto filter = itk::ResampleImageFilter<I, I, double>::New();
    filter->SetInput(image.image);
    filter->SetSize(like.image->GetLargestPossibleRegion().GetSize());
    filter->SetOutputOrigin(like.image->GetOrigin());
    filter->SetOutputSpacing(like.image->GetSpacing());
    filter->SetOutputDirection(like.image->GetDirection());
    filter->SetDefaultPixelValue(static_cast<T>(outside));
    if (how == "nearest")
    {
      filter->SetInterpolator(itk::NearestNeighborInterpolateImageFunction<I, double>::New());
    }
    else
    {
      filter->SetInterpolator(itk::LinearInterpolateImageFunction<I, double>::New());
    }
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
typename Image<T, D>::Pointer paint(const std::string &                                              grid,
                                    const std::function<T(const typename Image<T, D>::IndexType &)> & color)
{
  auto image = makeOn<Image<T, D>>(findGrid(grid));
  image->Allocate();
  itk::ImageRegionIteratorWithIndex<Image<T, D>> at(image, image->GetLargestPossibleRegion());
  for (; !at.IsAtEnd(); ++at)
  {
    at.Set(color(at.GetIndex()));
  }
  return image;
}

template <unsigned D>
void addPlaces(const std::string & grid)
{
  const auto of = input<uint8_t, D>("none", grid);
  using Index = typename Image<float, D>::IndexType;
  const std::vector<std::string> names{ "vox1.x", "vox1.y", "vox1.z" };
  for (unsigned axis = 0; axis < 3; ++axis)
  {
    golden(names[axis], { of }, [&] {
      return paint<float, D>(grid, [&](const Index & index) {
        return axis < D ? static_cast<float>(index[axis]) : 0.0f;
      });
    });
  }
  const auto & size = findGrid(grid).size;
  golden("vox1.border", { of }, [&] {
    return paint<uint8_t, D>(grid, [&](const Index & index) {
      for (unsigned axis = 0; axis < D; ++axis)
      {
        if (index[axis] == 0 || index[axis] + 1 == static_cast<long>(size[axis]))
        {
          return 1;
        }
      }
      return 0;
    });
  });
  golden("vox1.tt", { of }, [&] { return paint<uint8_t, D>(grid, [](const Index &) { return 1; }); });
  golden("vox1.ff", { of }, [&] { return paint<uint8_t, D>(grid, [](const Index &) { return 0; }); });
  golden("vox1.bconstant", { true, of }, [&] { return paint<uint8_t, D>(grid, [](const Index &) { return 1; }); });
  golden("vox1.bconstant", { false, of }, [&] { return paint<uint8_t, D>(grid, [](const Index &) { return 0; }); });
  for (const double value : { 0.1, -3.0, 1e10 })
  {
    golden("vox1.constant", { value, of }, [&] {
      return paint<float, D>(grid, [&](const Index &) { return static_cast<float>(value); });
    });
  }
}

template <class T, unsigned D>
typename Image<float, D>::Pointer component(typename Colors<T, D>::Pointer image, unsigned at)
{
  auto filter = itk::VectorIndexSelectionCastImageFilter<Colors<T, D>, Image<float, D>>::New();
  filter->SetInput(image);
  filter->SetIndex(at);
  return run(filter.GetPointer());
}

template <class T, unsigned D>
void addColors(const Input<Colors<T, D>> & image)
{
  using F = Image<float, D>;
  const unsigned                 components = image.image->GetNumberOfComponentsPerPixel();
  const std::vector<std::string> names{ "vox1.red", "vox1.green", "vox1.blue", "vox1.alpha" };
  for (unsigned at = 0; at < components; ++at)
  {
    golden(names[at], { image }, [&] { return component<T, D>(image.image, at); });
  }
  golden("vox1.intensity", { image }, [&] {
    const auto weigh = [&](unsigned at, float weight) {
      auto filter = itk::MultiplyImageFilter<F, F, F>::New();
      filter->SetInput1(component<T, D>(image.image, at));
      filter->SetConstant2(weight);
      return run(filter.GetPointer());
    };
    auto two = itk::AddImageFilter<F>::New();
    two->SetInput1(weigh(0, 0.2126f));
    two->SetInput2(weigh(1, 0.7152f));
    auto all = itk::AddImageFilter<F>::New();
    all->SetInput1(two->GetOutput());
    all->SetInput2(weigh(2, 0.0722f));
    return run(all.GetPointer());
  });
}

template <unsigned D>
void addCompose(const std::string & grid)
{
  using F = Image<float, D>;
  const std::vector<Input<F>> images{
    input<float, D>("A", grid), input<float, D>("B", grid), input<float, D>("Q", grid), input<float, D>("W", grid)
  };
  const auto compose = [&](unsigned count) {
    auto filter = itk::ComposeImageFilter<F, Colors<float, D>>::New();
    for (unsigned at = 0; at < count; ++at)
    {
      filter->SetInput(at, images[at].image);
    }
    return run(filter.GetPointer());
  };
  golden("vox1.rgb", { images[0], images[1], images[2] }, [&] { return compose(3); });
  golden("vox1.rgba", { images[0], images[1], images[2], images[3] }, [&] { return compose(4); });
}
} // namespace

void addGeometry()
{
  using F3 = Image<float, 3>;
  using F2 = Image<float, 2>;
  addExtract<F3, F3>(input<float, 3>("A"), { 3, 2, 4 }, { 1, 4, 0 });
  addExtract<F3, F3>(input<float, 3>("A", "turned"), { 3, 2, 4 }, { 1, 4, 1 });
  addExtract<F3, F2>(input<float, 3>("A", "turned"), { 6, 7, 0 }, { 0, 0, 3 });
  addExtract<F3, F2>(input<float, 3>("A", "turned"), { 4, 0, 3 }, { 1, 2, 1 });
  addExtract<F3, F2>(input<float, 3>("A"), { 0, 5, 2 }, { 5, 1, 2 });
  addExtract<F2, F2>(input<float, 2>("A"), { 4, 3 }, { 5, 5 });
  addExtract<F3, F3>(input<float, 3>("A", "voxel"), { 1, 1, 1 }, { 0, 0, 0 });
  addExtract<Image<uint8_t, 3>, Image<uint8_t, 2>>(input<uint8_t, 3>("W"), { 6, 7, 0 }, { 0, 0, 4 });
  addExtract<Image<int32_t, 2>, Image<int32_t, 2>>(input<int32_t, 2>("W"), { 2, 2 }, { 0, 6 });
  addExtract<Colors<uint8_t, 3>, Colors<uint8_t, 2>>(colors<uint8_t, 3>(3), { 2, 3, 0 }, { 1, 2, 4 });
  addExtract<F3, F3>(input<float, 3>("A"), { 3, 2, 4 }, { 1, 4, 2 });

  for (const std::string how : { "linear", "nearest" })
  {
    addResample(input<float, 3>("A"), "fine", how, -1);
    addResample(input<float, 3>("A"), "3d", how, -1);
    addResample(input<float, 3>("A", "turned"), "turned-fine", how, 0);
    addResample(input<float, 3>("A", "turned"), "crossing", how, 2);
    addResample(input<float, 3>("A"), "far", how, 7);
    addResample(input<float, 2>("A"), "fine-2d", how, -1);
    addResample(input<uint8_t, 2>("W"), "fine-2d", how, 9);
    addResample(input<int16_t, 2>("W"), "fine-2d", how, -9);
    addResample(input<double, 2>("W"), "fine-2d", how, 0.5);
    addResample(input<uint8_t, 3>("half"), "fine", how, 0);
    addResample(input<float, 3>("A", "voxel"), "fine", how, -1);
    addResample(input<float, 3>("A", "row"), "fine", how, -1);
  }

  for (const std::string grid : { "3d", "voxel", "row", "turned" })
  {
    addPlaces<3>(grid);
  }
  for (const std::string grid : { "2d", "dot", "column" })
  {
    addPlaces<2>(grid);
  }

  addColors(colors<uint8_t, 2>(3));
  addColors(colors<uint8_t, 3>(4));
  addColors(colors<float, 2>(4));
  addColors(colors<int16_t, 3>(3, "row"));
  addColors(colors<uint8_t, 3>(3, "voxel"));
  addCompose<2>("2d");
  addCompose<3>("3d");
  addCompose<2>("dot");
}
