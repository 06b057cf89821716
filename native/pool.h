// A queue of runs and the threads that make them. Each run is made from first to last by one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kernels.h"

namespace hunch {

// A run that waits or is being made; its arrays belong to whoever submitted it.
struct Run {
    int64_t id;
    int number_type;  // 0 float, 1 double
    Task task;
    std::vector<Layer> layers;
};

struct Finished {
    int64_t id;
    int64_t diverged_at;
    double wall_s;
    std::string failure;  // empty if it is done
};

class Pool {
  public:
    Pool(const Kernels& kernels, int threads);
    ~Pool();
    void submit(std::unique_ptr<Run> run);
    // What has finished; waits up to `seconds` for the first.
    std::vector<Finished> collect(double seconds);
    // Gives up what is being made and drops what waits; returns when no thread touches any array.
    void stop();
    int threads() const { return (int)workers_.size(); }

  private:
    void work();
    const Kernels& kernels_;
    std::mutex mutex_;
    std::condition_variable waiting_, finished_;
    std::deque<std::unique_ptr<Run>> queue_;
    std::vector<Finished> done_;
    volatile int stop_ = 0;
    std::vector<std::thread> workers_;
};

}  // namespace hunch
