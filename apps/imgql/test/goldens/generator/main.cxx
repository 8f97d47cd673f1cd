// Writes the golden results of ITK: goldens FOLDER
#include <exception>
#include <iostream>

#include <itkMultiThreaderBase.h>
#include <itkObject.h>

#include "golden.h"

void addArithmetic();
void addComparisons();
void addComponents();
void addGeometry();
void addMorphology();
void addPointwise();
void addSmoothing();
void addValues();

int main(int count, char ** arguments)
{
  if (count != 2)
  {
    std::cerr << "usage: goldens FOLDER" << std::endl;
    return 2;
  }
  // Sums over threads would come in any order.
  itk::MultiThreaderBase::SetGlobalMaximumNumberOfThreads(1);
  itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(1);
  itk::Object::GlobalWarningDisplayOff();
  try
  {
    addArithmetic();
    addComparisons();
    addComponents();
    addGeometry();
    addMorphology();
    addPointwise();
    addSmoothing();
    addValues();
    writeGoldens(arguments[1]);
  }
  catch (const std::exception & error)
  {
    std::cerr << error.what() << std::endl;
    return 1;
  }
  return 0;
}
