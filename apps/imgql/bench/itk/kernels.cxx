// kernels VOLUME THREADS ROUNDS NAME...: times each computation on a volume of bytes, and prints `name<tab>wall<tab>cpu`: the best wall time and the
// median of the time of all threads, in ms.
#include <functional>
#include <iostream>
#include <string>
#include "clock.h"
#include "filters.h"

namespace
{
double medianOf(std::vector<double> values)
{
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Floats::Pointer toFloats(const Mask * image)
{
  auto cast = itk::CastImageFilter<Mask, Floats>::New();
  cast->SetInput(image);
  return runFilter(cast.GetPointer());
}
} // namespace

int main(int argc, char ** argv)
{
  if (argc < 4)
  {
    std::cerr << "usage: kernels VOLUME THREADS ROUNDS [NAME...]\n";
    return 2;
  }
  itk::NiftiImageIOFactory::RegisterOneFactory();
  itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(std::stoi(argv[2]));
  const int rounds = std::stoi(argv[3]);
  auto reader = itk::ImageFileReader<Mask>::New();
  reader->SetFileName(argv[1]);
  const Mask::Pointer head = runFilter(reader.GetPointer());
  const Floats::Pointer floats = toFloats(head);
  const Mask::Pointer tissue = threshold(head.GetPointer(), 60, 255);
  const Mask::Pointer bright = threshold(head.GetPointer(), 150, 255);
  const Mask::Pointer body = threshold(head.GetPointer(), 11, 255);
  const Floats::Pointer smooth = gradient(floats);

  const std::vector<std::pair<std::string, std::function<void()>>> runs = {
    { "BinaryThreshold", [&] { threshold(head.GetPointer(), 60, 140); } },
    { "BinaryThreshold (float32)", [&] { threshold(floats.GetPointer(), 60, 140); } },
    { "100 thresholds counted",
      [&] {
        for (int lower = 0; lower < 100; ++lower)
        {
          auto statistics = itk::StatisticsImageFilter<Mask>::New();
          statistics->SetInput(threshold(head.GetPointer(), lower, 200));
          statistics->Update();
        }
      } },
    { "100 thresholds (float32)",
      [&] {
        for (int lower = 0; lower < 100; ++lower)
        {
          auto statistics = itk::StatisticsImageFilter<Mask>::New();
          statistics->SetInput(threshold(floats.GetPointer(), lower, 200));
          statistics->Update();
        }
      } },
    { "near", [&] { near(tissue); } },
    { "interior", [&] { interior(tissue); } },
    { "dt", [&] { distance(tissue); } },
    { "within 5 mm", [&] { threshold(distance(tissue).GetPointer(), std::numeric_limits<float>::lowest(), 5); } },
    { "lcc", [&] { lcc(tissue); } },
    { "through", [&] { through(bright, tissue); } },
    { "maxvol", [&] { maxvol(tissue); } },
    { "otsu", [&] { otsu(floats, body, 100); } },
    { "gradient", [&] { gradient(floats); } },
    { "percentiles", [&] { percentiles(floats, body, 0.5); } },
    { "percentiles (many values)", [&] { percentiles(smooth, body, 0.5); } },
    { "crossCorrelation", [&] { crossCorrelation(5, floats, floats, bright, 0, 255, 100); } },
  };
  for (const auto & [name, run] : runs)
  {
    if (argc > 4 && std::find(argv + 4, argv + argc, name) == argv + argc) continue;
    run();
    std::vector<double> walls, cpus;
    for (int round = 0; round < rounds; ++round)
    {
      const Clock start = now();
      run();
      const Clock end = now();
      walls.push_back(end.wallMs - start.wallMs);
      cpus.push_back(end.cpuMs - start.cpuMs);
    }
    std::cout << name << '\t' << *std::min_element(walls.begin(), walls.end()) << '\t' << medianOf(cpus) << std::endl;
  }
}
