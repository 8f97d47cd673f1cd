// Connected components, what is made of them, and distances to masks.
#include <itkAndImageFilter.h>
#include <itkBinaryReconstructionByDilationImageFilter.h>
#include <itkBinaryThresholdImageFilter.h>
#include <itkCastImageFilter.h>
#include <itkConnectedComponentImageFilter.h>
#include <itkRelabelComponentImageFilter.h>
#include <itkSignedMaurerDistanceMapImageFilter.h>

#include "golden.h"

namespace
{
template <unsigned D>
using Mask = Image<uint8_t, D>;
template <unsigned D>
using Labels = Image<uint32_t, D>;

template <class T, unsigned D>
typename Labels<D>::Pointer label(typename Image<T, D>::Pointer image,
                                  bool                          isFull,
                                  typename Mask<D>::Pointer     mask = nullptr)
{
  auto filter = itk::ConnectedComponentImageFilter<Image<T, D>, Labels<D>, Mask<D>>::New();
  filter->SetInput(image);
  filter->SetFullyConnected(isFull);
  if (mask)
  {
    filter->SetMaskImage(mask);
  }
  return run(filter.GetPointer());
}

template <class T, unsigned D>
void addConnected(const Input<Image<T, D>> & image)
{
  golden("simpleitk.ConnectedComponent", { image }, [&] { return label<T, D>(image.image, false); });
  golden("simpleitk.ConnectedComponent", { image, true }, [&] { return label<T, D>(image.image, true); });
}

template <class T, unsigned D>
void addConnectedIn(const Input<Image<T, D>> & image, const Input<Mask<D>> & mask)
{
  golden("simpleitk.ConnectedComponent", { image, mask, true }, [&] {
    return label<T, D>(image.image, true, mask.image);
  });
  golden("simpleitk.ConnectedComponent", { image, mask }, [&] { return label<T, D>(image.image, false, mask.image); });
}

template <unsigned D>
void addOriginal(const Input<Mask<D>> & mask, const Input<Mask<D>> & seed)
{
  for (const std::string name : { "vox1.lcc", "vox1.Lcc" })
  {
    golden(name, { mask }, [&] {
      auto filter = itk::CastImageFilter<Labels<D>, Image<float, D>>::New();
      filter->SetInput(label<uint8_t, D>(mask.image, true));
      return run(filter.GetPointer());
    });
  }
  golden("vox1.through", { seed, mask }, [&] {
    auto both = itk::AndImageFilter<Mask<D>, Mask<D>, Mask<D>>::New();
    both->SetInput1(seed.image);
    both->SetInput2(mask.image);
    auto filter = itk::BinaryReconstructionByDilationImageFilter<Mask<D>>::New();
    filter->SetMarkerImage(both->GetOutput());
    filter->SetMaskImage(mask.image);
    filter->SetForegroundValue(1);
    filter->SetBackgroundValue(0);
    filter->SetFullyConnected(true);
    return run(filter.GetPointer());
  });
  golden("vox1.maxvol", { mask }, [&] {
    auto relabel = itk::RelabelComponentImageFilter<Labels<D>, Labels<D>>::New();
    relabel->SetInput(label<uint8_t, D>(mask.image, true));
    relabel->Update();
    const auto & sizes = relabel->GetSizeOfObjectsInPixels();
    uint32_t     last = 0;
    while (last < sizes.size() && sizes[last] == sizes[0])
    {
      ++last;
    }
    auto filter = itk::BinaryThresholdImageFilter<Labels<D>, Mask<D>>::New();
    filter->SetInput(relabel->GetOutput());
    filter->SetLowerThreshold(1);
    filter->SetUpperThreshold(last == 0 ? 1 : last);
    filter->SetInsideValue(1);
    filter->SetOutsideValue(0);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addRelabel(const Input<Image<T, D>> & image)
{
  const auto relabel = [&](unsigned least, bool isSorted) {
    auto filter = itk::RelabelComponentImageFilter<Image<T, D>, Image<T, D>>::New();
    filter->SetInput(image.image);
    filter->SetMinimumObjectSize(least);
    filter->SetSortByObjectSize(isSorted);
    return run(filter.GetPointer());
  };
  const std::string name = "simpleitk.RelabelComponent";
  golden(name, { image }, [&] { return relabel(0, true); });
  golden(name, { image, 0, false }, [&] { return relabel(0, false); });
  golden(name, { image, 9 }, [&] { return relabel(9, true); });
  golden(name, { image, 9, false }, [&] { return relabel(9, false); });
}

template <class T, unsigned D>
void addDistance(const Input<Image<T, D>> & image,
                 bool                       isInsidePositive,
                 bool                       isSquared,
                 bool                       isSpaced,
                 double                     background = 0)
{
  std::vector<Argument> arguments{ image, isInsidePositive, isSquared, isSpaced };
  if (background != 0)
  {
    arguments.push_back(background);
  }
  const auto compute = [&] {
    auto filter = itk::SignedMaurerDistanceMapImageFilter<Image<T, D>, Image<float, D>>::New();
    filter->SetInput(image.image);
    filter->SetInsideIsPositive(isInsidePositive);
    filter->SetSquaredDistance(isSquared);
    filter->SetUseImageSpacing(isSpaced);
    filter->SetBackgroundValue(static_cast<T>(background));
    return run(filter.GetPointer());
  };
  golden("simpleitk.SignedMaurerDistanceMap", arguments, compute);
  if (!isInsidePositive && !isSquared && isSpaced && background == 0)
  {
    golden("vox1.dt", { image }, compute);
  }
}

template <class T, unsigned D>
void addDistances(const Input<Image<T, D>> & image)
{
  for (const bool isInsidePositive : { false, true })
    for (const bool isSquared : { false, true })
      for (const bool isSpaced : { false, true })
        addDistance(image, isInsidePositive, isSquared, isSpaced);
}
} // namespace

void addComponents()
{
  addConnected(input<uint8_t, 3>("half"));
  addConnected(input<uint8_t, 3>("sparse"));
  addConnected(input<uint8_t, 2>("blocks"));
  addConnected(input<uint8_t, 2>("half"));
  addConnected(input<uint8_t, 2>("all"));
  addConnected(input<uint8_t, 2>("none"));
  addConnected(input<int16_t, 2>("S"));
  addConnected(input<uint8_t, 3>("all", "voxel"));
  addConnected(input<uint8_t, 3>("none", "voxel"));
  addConnected(input<uint8_t, 3>("half", "row"));
  addConnected(input<uint8_t, 2>("half", "column"));
  addConnectedIn(input<uint8_t, 3>("half"), input<uint8_t, 3>("dense"));
  addConnectedIn(input<uint8_t, 2>("half"), input<uint8_t, 2>("blocks"));

  addOriginal<3>(input<uint8_t, 3>("all", "voxel"), input<uint8_t, 3>("none", "voxel"));
  addOriginal<3>(input<uint8_t, 3>("none", "voxel"), input<uint8_t, 3>("all", "voxel"));
  addOriginal<2>(input<uint8_t, 2>("all", "dot"), input<uint8_t, 2>("all", "dot"));
  addOriginal<3>(input<uint8_t, 3>("half", "row"), input<uint8_t, 3>("sparse", "row"));
  addOriginal<2>(input<uint8_t, 2>("half", "column"), input<uint8_t, 2>("sparse", "column"));
  addOriginal<2>(input<uint8_t, 2>("sparse"), input<uint8_t, 2>("half"));

  addRelabel(input<uint8_t, 3>("labels"));
  addRelabel(input<uint32_t, 3>("labels"));
  addRelabel(input<int16_t, 2>("labels"));
  addRelabel(input<uint8_t, 2>("none"));
  addRelabel(input<uint16_t, 3>("all", "voxel"));

  addDistances(input<uint8_t, 3>("half"));
  addDistances(input<uint8_t, 3>("sparse"));
  addDistances(input<uint8_t, 2>("dense"));
  addDistances(input<uint8_t, 2>("blocks"));
  addDistances(input<uint8_t, 3>("all", "voxel"));
  addDistances(input<uint8_t, 3>("none", "voxel"));
  addDistances(input<uint8_t, 3>("half", "row"));
  addDistances(input<uint8_t, 2>("half", "column"));
  addDistance(input<int16_t, 2>("255"), false, true, false);
  addDistance(input<uint8_t, 2>("255"), false, false, true, 255);
}
