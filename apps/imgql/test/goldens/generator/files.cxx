// Image files. Those in `files/itk` are written here, and those in `files/imgql` by imgql (`npm run golden-files`); the cases
// say what ITK reads from each. A file is called after what is in it: `A-turned-float32-x3.nii` has three values a voxel.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <itkImageFileReader.h>
#include <itkImageFileWriter.h>
#include <itkImageIOFactory.h>
#include <itkRGBAPixel.h>
#include <itkRGBPixel.h>
#include <itksys/MD5.h>

#include "golden.h"

namespace
{
namespace fs = std::filesystem;

// A header without its voxels, and the voxels without their header.
bool isPart(const fs::path & path)
{
  return path.extension() == ".raw" || path.extension() == ".zraw";
}

template <class ImageType>
void save(const ImageType * image, const fs::path & path)
{
  // Files of DICOM have numbers that no two files share.
  if (path.extension() == ".dcm" && fs::exists(path))
  {
    return;
  }
  auto writer = itk::ImageFileWriter<ImageType>::New();
  writer->SetInput(image);
  writer->SetFileName(path.string());
  writer->SetUseCompression(path.extension() == ".gz");
  writer->Update();
}

template <class T, unsigned D>
void writeGray(const fs::path & folder, const std::string & name, const std::string & grid, const std::string & suffix)
{
  const auto of = input<T, D>(name, grid);
  save<Image<T, D>>(of.image, folder / (name + "-" + grid + "-" + typeName<T>() + suffix));
}

template <class T, unsigned D>
void writeColors(const fs::path & folder, unsigned components, const std::string & grid, const std::string & suffix)
{
  const auto of = colors<T, D>(components, grid);
  const auto path = folder / ("W-" + grid + "-" + typeName<T>() + "-x" + std::to_string(components) + suffix);
  save<Colors<T, D>>(of.image, path);
}

// Pictures have pixels of colors, not vectors.
template <class Pixel>
void writePicture(const fs::path & folder, unsigned components, const std::string & grid, const std::string & suffix)
{
  const auto of = colors<uint8_t, 2>(components, grid);
  auto       picture = itk::Image<Pixel, 2>::New();
  picture->CopyInformation(of.image);
  picture->SetRegions(of.image->GetLargestPossibleRegion());
  picture->Allocate();
  std::copy_n(of.image->GetBufferPointer(),
              picture->GetLargestPossibleRegion().GetNumberOfPixels() * components,
              reinterpret_cast<uint8_t *>(picture->GetBufferPointer()));
  save<itk::Image<Pixel, 2>>(picture, folder / ("W-" + grid + "-uint8-x" + std::to_string(components) + suffix));
}

void writeFiles(const fs::path & folder)
{
  for (const std::string suffix : { ".nii", ".nii.gz", ".nrrd", ".mha", ".mhd" })
  {
    writeGray<float, 3>(folder, "A", "turned", suffix);
    writeGray<int16_t, 3>(folder, "W", "turned", suffix);
    writeGray<uint8_t, 2>(folder, "half", "2d", suffix);
    writeGray<double, 3>(folder, "wild", "voxel", suffix);
    writeColors<uint8_t, 3>(folder, 3, "3d", suffix);
  }
  for (const std::string suffix : { ".nii", ".nrrd", ".mha" })
  {
    writeGray<uint8_t, 3>(folder, "W", "3d", suffix);
    writeGray<int8_t, 3>(folder, "W", "3d", suffix);
    writeGray<uint16_t, 3>(folder, "W", "3d", suffix);
    writeGray<uint32_t, 3>(folder, "W", "3d", suffix);
    writeGray<int32_t, 3>(folder, "W", "3d", suffix);
    writeGray<double, 2>(folder, "wild", "2d", suffix);
    writeColors<float, 2>(folder, 2, "2d", suffix);
  }
  writeGray<float, 3>(folder, "A", "fine", ".vtk");
  writeGray<int16_t, 3>(folder, "W", "3d", ".vtk");
  writeGray<uint8_t, 2>(folder, "half", "2d", ".vtk");
  writeGray<uint16_t, 3>(folder, "W", "turned", ".dcm");
  writeGray<uint8_t, 3>(folder, "W", "3d", ".dcm");
  for (const std::string suffix : { ".png", ".tif", ".jpg" })
  {
    writeGray<uint8_t, 2>(folder, "W", "2d", suffix);
    writeGray<uint8_t, 2>(folder, "all", "dot", suffix);
    writePicture<itk::RGBPixel<uint8_t>>(folder, 3, "fine-2d", suffix);
  }
  writeGray<uint16_t, 2>(folder, "W", "2d", ".png");
  writeGray<uint16_t, 2>(folder, "W", "2d", ".tif");
  writeGray<float, 2>(folder, "A", "2d", ".tif");
  writePicture<itk::RGBAPixel<uint8_t>>(folder, 4, "2d", ".png");
  writePicture<itk::RGBPixel<uint8_t>>(folder, 3, "2d", ".bmp");
}

template <class T, unsigned D>
Outcome readAs(const std::string & path, unsigned components)
{
  auto reader = itk::ImageFileReader<Colors<T, D>>::New();
  reader->SetFileName(path);
  const auto image = run(reader.GetPointer());
  if (components > 1)
  {
    return outcomeOf(image);
  }
  auto plain = Image<T, D>::New();
  plain->CopyInformation(image);
  plain->SetRegions(image->GetLargestPossibleRegion());
  plain->Allocate();
  std::copy_n(
    image->GetBufferPointer(), image->GetLargestPossibleRegion().GetNumberOfPixels(), plain->GetBufferPointer());
  return outcomeOf(typename Image<T, D>::Pointer(plain));
}

template <unsigned D>
Outcome readWith(const std::string & path, const itk::ImageIOBase * io)
{
  using Type = itk::IOComponentEnum;
  const unsigned components = io->GetNumberOfComponents();
  switch (io->GetComponentType())
  {
    case Type::UCHAR:
      return readAs<uint8_t, D>(path, components);
    case Type::CHAR:
      return readAs<int8_t, D>(path, components);
    case Type::USHORT:
      return readAs<uint16_t, D>(path, components);
    case Type::SHORT:
      return readAs<int16_t, D>(path, components);
    case Type::UINT:
      return readAs<uint32_t, D>(path, components);
    case Type::INT:
      return readAs<int32_t, D>(path, components);
    case Type::FLOAT:
      return readAs<float, D>(path, components);
    case Type::DOUBLE:
      return readAs<double, D>(path, components);
    default:
      throw std::runtime_error(path + " has voxels of another type");
  }
}

Outcome readFile(const fs::path & path)
{
  const auto io = itk::ImageIOFactory::CreateImageIO(path.string().c_str(), itk::IOFileModeEnum::ReadMode);
  if (io.IsNull())
  {
    throw std::runtime_error("ITK cannot read " + path.string());
  }
  io->SetFileName(path.string());
  io->ReadImageInformation();
  return io->GetNumberOfDimensions() == 2 ? readWith<2>(path.string(), io) : readWith<3>(path.string(), io);
}

std::string digestOf(const fs::path & path)
{
  std::ifstream     file(path, std::ios::binary);
  const std::string bytes{ std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>() };
  itksysMD5 *       md5 = itksysMD5_New();
  char              hex[33] = {};
  itksysMD5_Initialize(md5);
  itksysMD5_Append(md5, reinterpret_cast<const unsigned char *>(bytes.data()), static_cast<int>(bytes.size()));
  itksysMD5_FinalizeHex(md5, hex);
  itksysMD5_Delete(md5);
  return hex;
}

std::vector<fs::path> listFiles(const fs::path & folder)
{
  std::vector<fs::path> paths;
  for (const auto & entry : fs::directory_iterator(folder))
  {
    if (!isPart(entry.path()))
    {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The input that a file is called after, as an argument.
Argument namedAfter(const std::string & file)
{
  std::vector<std::string> words;
  std::string              word;
  for (const char letter : file.substr(0, file.find('.')) + "-")
  {
    if (letter == '-')
    {
      words.push_back(word);
      word.clear();
    }
    else
    {
      word += letter;
    }
  }
  const bool  hasColors = words.back().front() == 'x';
  const auto  type = words.end() - (hasColors ? 2 : 1);
  std::string grid;
  for (auto at = words.begin() + 1; at != type; ++at)
  {
    grid += (grid.empty() ? "" : "-") + *at;
  }
  return Argument(R"({"image":")" + words.front() + R"(","grid":")" + grid + R"(","type":")" + *type + "\"" +
                  (hasColors ? R"(,"components":)" + words.back().substr(1) : std::string()) + "}");
}

void addFile(const std::string & primitive, const std::vector<Argument> & arguments, const fs::path & path)
{
  Outcome outcome = readFile(path);
  outcome.fields = R"("md5":")" + digestOf(path) + R"(",)" + outcome.fields;
  record(primitive, arguments, outcome);
}
} // namespace

void addFiles(const std::string & folder)
{
  const fs::path ours = fs::path(folder) / "imgql";
  const fs::path theirs = fs::path(folder) / "itk";
  fs::create_directories(theirs);
  writeFiles(theirs);
  for (const auto & path : listFiles(theirs))
  {
    addFile("simpleitk.ReadImage", { text(path.filename().string()) }, path);
  }
  for (const auto & path : listFiles(ours))
  {
    const std::string name = path.filename().string();
    addFile("simpleitk.WriteImage", { namedAfter(name), text(name) }, path);
  }
}
