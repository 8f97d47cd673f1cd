// Wall time, and the time of all threads of the process.
#pragma once
#include <chrono>
#include <ctime>

struct Clock
{
  double wallMs, cpuMs;
};

inline Clock now()
{
  timespec cpu;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  const auto wall = std::chrono::steady_clock::now().time_since_epoch();
  return { std::chrono::duration<double, std::milli>(wall).count(), cpu.tv_sec * 1e3 + cpu.tv_nsec / 1e6 };
}
