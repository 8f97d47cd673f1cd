// recipe VOLUME THREADS: the stages of examples/tumor.imgql on a volume of int16. Prints for each
// `name<tab>wall<tab>cpu<tab>voxels<tab>digest`, times in ms: the voxels that are not 0, and FNV-1a of all values as they lie in memory.
#include <iomanip>
#include <iostream>
#include <sstream>
#include "clock.h"
#include "filters.h"

namespace
{
template <typename TImage>
void report(const std::string & name, const Clock & start, const TImage * image)
{
  const Clock end = now();
  const std::size_t count = countOf(image);
  const auto * values = image->GetBufferPointer();
  const auto * bytes = reinterpret_cast<const uint8_t *>(values);
  uint32_t digest = 2166136261u;
  for (std::size_t at = 0; at < count * sizeof(*values); ++at) digest = (digest ^ bytes[at]) * 16777619u;
  std::size_t voxels = 0;
  for (std::size_t at = 0; at < count; ++at) voxels += values[at] != 0;
  std::ostringstream hex;
  hex << std::hex << std::setw(8) << std::setfill('0') << digest;
  std::cout << name << '\t' << end.wallMs - start.wallMs << '\t' << end.cpuMs - start.cpuMs << '\t' << voxels << '\t'
            << hex.str() << std::endl;
}

template <typename TFunction>
Mask::Pointer combine(const Mask * a, const Mask * b, TFunction function)
{
  auto output = makeLike<Mask>(a);
  const std::size_t count = countOf(a);
  std::transform(a->GetBufferPointer(), a->GetBufferPointer() + count, b->GetBufferPointer(),
                 output->GetBufferPointer(), function);
  return output;
}

Mask::Pointer both(const Mask * a, const Mask * b)
{
  return combine(a, b, [](uint8_t x, uint8_t y) -> uint8_t { return x & y; });
}

Mask::Pointer either(const Mask * a, const Mask * b)
{
  return combine(a, b, [](uint8_t x, uint8_t y) -> uint8_t { return x | y; });
}

Mask::Pointer without(const Mask * a, const Mask * b)
{
  return combine(a, b, [](uint8_t x, uint8_t y) -> uint8_t { return x & (1 - y); });
}

Mask::Pointer border(const itk::ImageBase<3> * grid)
{
  auto output = makeLike<Mask>(grid, true);
  const auto size = grid->GetLargestPossibleRegion().GetSize();
  uint8_t * to = output->GetBufferPointer();
  for (std::size_t z = 0; z < size[2]; ++z)
    for (std::size_t y = 0; y < size[1]; ++y)
      for (std::size_t x = 0; x < size[0]; ++x, ++to)
        *to = x == 0 || y == 0 || z == 0 || x + 1 == size[0] || y + 1 == size[1] || z + 1 == size[2];
  return output;
}

constexpr float MOST = std::numeric_limits<float>::max();

/** Without what is thinner than twice the radius: all within it of what is farther than it from the outside. */
Mask::Pointer smoothen(const Mask * mask, float radius)
{
  const Mask::Pointer outside = threshold(mask, 0, 0);
  const Mask::Pointer core = threshold(distance(outside).GetPointer(), radius, MOST);
  return threshold(distance(core).GetPointer(), -MOST, radius);
}

Mask::Pointer touch(const Mask * a, const Mask * b)
{
  return through(near(b), a);
}

Mask::Pointer grow(const Mask * a, const Mask * b)
{
  return either(a, touch(b, a));
}
} // namespace

int main(int argc, char ** argv)
{
  if (argc != 3)
  {
    std::cerr << "usage: recipe VOLUME THREADS\n";
    return 2;
  }
  itk::NiftiImageIOFactory::RegisterOneFactory();
  itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(std::stoi(argv[2]));
  const Clock begin = now();
  Clock start = begin;
  auto reader = itk::ImageFileReader<Floats>::New();
  reader->SetFileName(argv[1]);
  const Floats::Pointer flair = runFilter(reader.GetPointer());
  report("flair", start, flair.GetPointer());

  start = now();
  const float below150 = std::nextafter(150.f, 0.f);
  const Mask::Pointer background = touch(threshold(flair.GetPointer(), -MOST, below150), border(flair));
  report("background", start, background.GetPointer());

  start = now();
  const Mask::Pointer brain = smoothen(maxvol(without(above(flair, 250), background)), 5);
  report("brain", start, brain.GetPointer());

  start = now();
  const Floats::Pointer share = percentiles(flair, brain, 0.5);
  report("share", start, share.GetPointer());

  start = now();
  const Mask::Pointer hyperIntense = smoothen(above(share, 0.98f), 5);
  report("hyperIntense", start, hyperIntense.GetPointer());

  start = now();
  const Mask::Pointer veryIntense = smoothen(above(share, 0.975f), 3);
  report("veryIntense", start, veryIntense.GetPointer());

  start = now();
  const Mask::Pointer grown = grow(hyperIntense, veryIntense);
  report("grown", start, grown.GetPointer());

  start = now();
  auto statistics = itk::StatisticsImageFilter<Floats>::New();
  statistics->SetInput(flair);
  statistics->Update();
  const Floats::Pointer similar =
    crossCorrelation(5, flair, flair, grown, statistics->GetMinimum(), statistics->GetMaximum(), 100);
  report("similar", start, similar.GetPointer());

  start = now();
  const Mask::Pointer tumor = grow(grown, smoothen(above(similar, 0.6f), 3));
  report("tumor", start, tumor.GetPointer());
}
