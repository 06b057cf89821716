#include "pool.h"

#include <chrono>
#include <cstdlib>
#include <new>

#if HUNCH_X86
#include <xmmintrin.h>
#endif

namespace hunch {

namespace {

// Dead units and decaying moments make denormal numbers, which are slow and mean nothing here.
void flush_denormals() {
#if HUNCH_X86
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

// Memory that grows and never shrinks, on a boundary of 64 bytes.
class Room {
  public:
    ~Room() { std::free(at_); }
    void* of(size_t bytes) {
        if (bytes > size_) {
            std::free(at_);
            size_ = 0;
            at_ = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
            if (at_ == nullptr) throw std::bad_alloc();
            size_ = bytes;
        }
        return at_;
    }

  private:
    void* at_ = nullptr;
    size_t size_ = 0;
};

}  // namespace

Pool::Pool(const Kernels& kernels, int threads) : kernels_(kernels) {
    try {
        for (int i = 0; i < threads; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {  // fewer threads than asked for will do; none will not
        if (workers_.empty()) throw;
    }
}

Pool::~Pool() { stop(); }

void Pool::submit(std::unique_ptr<Run> run) {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        run->task.stop = &stop_;
        queue_.push_back(std::move(run));
    }
    waiting_.notify_one();
}

std::vector<Finished> Pool::collect(double seconds) {
    std::unique_lock<std::mutex> lock(mutex_);
    finished_.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return !done_.empty(); });
    std::vector<Finished> out;
    out.swap(done_);
    return out;
}

void Pool::stop() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        stop_ = 1;
        queue_.clear();
    }
    waiting_.notify_all();
    for (std::thread& worker : workers_)
        if (worker.joinable()) worker.join();
}

void Pool::work() {
    flush_denormals();
    Room layers, room;
    for (;;) {
        std::unique_ptr<Run> run;
        {
            std::unique_lock<std::mutex> lock(mutex_);
            waiting_.wait(lock, [this] { return stop_ || !queue_.empty(); });
            if (stop_) return;
            run = std::move(queue_.front());
            queue_.pop_front();
        }
        const auto started = std::chrono::steady_clock::now();
        Finished result = {run->id, -1, 0.0, ""};
        try {
            const int type = run->number_type;
            Task& task = run->task;
            task.layers = run->layers.data();
            void* const states = layers.of(kernels_.layer_bytes[type] * run->layers.size());
            const size_t bytes = kernels_.room_for[type](task, states);
            void* memory = nullptr;
            try {
                memory = room.of(bytes);
            } catch (const std::bad_alloc&) {
                result.failure = "there is no room for one run of " + std::to_string(bytes >> 20) + " MiB, so 0 more rows fit";
            }
            if (memory != nullptr) {
                if (kernels_.train[type](task, states, memory) == Outcome::kStopped) return;
                result.diverged_at = task.diverged_at;
            }
        } catch (const std::exception& error) {
            result.failure = error.what();
        }
        result.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
        {
            std::lock_guard<std::mutex> lock(mutex_);
            done_.push_back(std::move(result));
        }
        finished_.notify_one();
    }
}

}  // namespace hunch
