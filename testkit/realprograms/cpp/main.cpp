// What C++ programs ask of their library: exceptions, containers, streams, closures. No threads.
#include <algorithm>
#include <deque>
#include <exception>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {

int alive = 0;

struct Tracked {
    std::string name;
    explicit Tracked(std::string n) : name(std::move(n)) { alive++; }
    Tracked(const Tracked &) = delete;
    ~Tracked()
    {
        alive--;
        std::cout << "  ~" << name << "\n";
    }
};

struct CustomError : std::runtime_error {
    int code;
    CustomError(const std::string &what, int c) : std::runtime_error(what), code(c) {}
};

[[gnu::noinline]] int dive(int depth)
{
    Tracked here("frame " + std::to_string(depth));
    if (depth == 0)
        throw CustomError("the bottom", 42);
    return dive(depth - 1) + 1;
}

[[gnu::noinline]] void rethrow_from(int depth)
{
    try {
        dive(depth);
    } catch (const std::logic_error &) {
        std::cout << "not this one\n";
    } catch (...) {
        std::cout << "rethrowing\n";
        throw;
    }
}

void nested(int depth)
{
    try {
        if (depth == 0)
            throw std::out_of_range("innermost");
        nested(depth - 1);
    } catch (...) {
        std::throw_with_nested(std::runtime_error("level " + std::to_string(depth)));
    }
}

void print_nested(const std::exception &e, int indent = 0)
{
    std::cout << std::string(indent, ' ') << e.what() << "\n";
    try {
        std::rethrow_if_nested(e);
    } catch (const std::exception &inner) {
        print_nested(inner, indent + 1);
    }
}

struct Base {
    virtual ~Base() = default;
    virtual std::string name() const { return "base"; }
};
struct Derived : Base {
    std::string name() const override { return "derived"; }
};
struct Other : virtual Base {
    std::string name() const override { return "other"; }
};

void exceptions()
{
    try {
        rethrow_from(3);
    } catch (const CustomError &e) {
        std::cout << "caught " << e.what() << " " << e.code << ", alive " << alive << "\n";
    }
    std::exception_ptr kept;
    try {
        (void)std::stoi("not a number");
    } catch (...) {
        kept = std::current_exception();
    }
    try {
        std::rethrow_exception(kept);
    } catch (const std::invalid_argument &) {
        std::cout << "kept and thrown again\n";
    }
    try {
        nested(2);
    } catch (const std::exception &e) {
        print_nested(e);
    }
    try {
        Other other;
        dynamic_cast<Derived &>(static_cast<Base &>(other));
    } catch (const std::bad_cast &) {
        std::cout << "bad cast\n";
    }
    try {
        std::vector<int>().at(3);
    } catch (const std::out_of_range &) {
        std::cout << "out of range\n";
    }
    try {
        throw 17;
    } catch (int n) {
        std::cout << "an int, " << n << "\n";
    }
    int caught = 0;
    for (int i = 0; i < 2000; i++) {
        try {
            if (i % 3 == 0)
                throw std::string(static_cast<size_t>(i % 40), 'x');
        } catch (const std::string &s) {
            caught += static_cast<int>(s.size());
        }
    }
    std::cout << "caught " << caught << ", uncaught " << std::uncaught_exceptions() << "\n";
}

void containers()
{
    std::map<std::string, std::vector<int>> index;
    std::istringstream text("the cat and the dog and the bird saw the cat");
    std::string word;
    for (int at = 0; text >> word; at++)
        index[word].push_back(at);
    for (const auto &[key, places] : index) {
        std::cout << key;
        for (int p : places)
            std::cout << ' ' << p;
        std::cout << "; ";
    }
    std::cout << "\n";

    std::unordered_map<int, long> squares;
    for (int i = 0; i < 5000; i++)
        squares[i * 7919 % 10007] = static_cast<long>(i) * i;
    long sum = 0;
    for (const auto &entry : squares)
        sum += entry.second ^ entry.first;
    std::cout << squares.size() << " " << sum << " " << squares.count(1) << "\n";

    std::vector<unsigned> numbers(10000);
    unsigned seed = 1;
    for (auto &n : numbers)
        n = seed = seed * 1664525u + 1013904223u;
    std::sort(numbers.begin(), numbers.end());
    std::stable_partition(numbers.begin(), numbers.end(), [](unsigned n) { return n % 2 == 0; });
    std::cout << numbers.front() << " " << numbers.back() << " "
              << std::accumulate(numbers.begin(), numbers.end(), 0ull) << "\n";

    std::priority_queue<int, std::vector<int>, std::greater<>> heap;
    for (int n : {5, 1, 9, 3, 7})
        heap.push(n);
    std::deque<int> queue;
    for (; !heap.empty(); heap.pop())
        queue.push_front(heap.top());
    std::list<int> list(queue.begin(), queue.end());
    list.sort();
    list.remove_if([](int n) { return n > 6; });
    for (int n : list)
        std::cout << n << ' ';
    std::set<std::tuple<int, std::string>> set{{2, "b"}, {1, "z"}, {2, "a"}};
    std::cout << std::get<1>(*set.rbegin()) << "\n";
}

void closures()
{
    std::vector<std::function<int(int)>> steps;
    int factor = 3;
    steps.emplace_back([factor](int n) { return n * factor; });
    steps.emplace_back(std::bind(std::plus<>(), std::placeholders::_1, 100));
    steps.emplace_back([count = 0](int n) mutable { return n + ++count; });
    int value = 1;
    for (int round = 0; round < 3; round++)
        for (auto &step : steps)
            value = step(value);
    std::cout << value << "\n";
    std::function<int(int)> none;
    try {
        none(1);
    } catch (const std::bad_function_call &) {
        std::cout << "empty function\n";
    }
    std::variant<int, std::string, double> v = "text";
    std::cout << std::visit([](const auto &x) { std::ostringstream s; s << x; return s.str(); }, v) << v.index() << "\n";
    std::optional<int> maybe;
    std::cout << maybe.value_or(7) << " " << std::make_unique<Derived>()->name() << "\n";
    auto shared = std::make_shared<Derived>();
    std::weak_ptr<Base> weak = shared;
    shared.reset();
    std::cout << weak.expired() << "\n";
}

void streams(const char *dir)
{
    std::cout << std::setw(8) << 42 << '|' << std::left << std::setw(8) << 42 << '|' << std::right << std::hex
              << std::showbase << 255 << std::dec << std::noshowbase << '|' << std::setfill('*') << std::setw(6) << -7
              << std::setfill(' ') << '|' << std::boolalpha << true << std::noboolalpha << "\n";
    std::cout << std::fixed << std::setprecision(3) << 3.14159 << ' ' << std::scientific << 12345.678 << ' '
              << std::defaultfloat << std::setprecision(10) << 0.1 << ' ' << 1e100 << ' ' << std::showpos << 2.5
              << std::noshowpos << std::setprecision(6) << "\n";
    std::istringstream in("12 3.5 word 0x1f rest of line\nnext");
    int i;
    double d;
    std::string w, h, rest;
    in >> i >> d >> w >> h;
    std::getline(in, rest);
    std::cout << i << ' ' << d << ' ' << w << ' ' << h << " [" << rest << "]\n";
    int bad = 5;
    in >> bad;
    std::cout << bad << in.fail() << in.eof() << "\n";

    const std::string path = std::string(dir) + "/streams.txt";
    {
        std::ofstream out(path);
        for (int n = 0; n < 1000; n++)
            out << n << ' ' << n * 0.5 << '\n';
    }
    std::ifstream back(path);
    long sum = 0, lines = 0;
    for (std::string line; std::getline(back, line); lines++)
        sum += static_cast<long>(line.size()) * (lines + 1);
    back.clear();
    back.seekg(4 * 10);
    back >> i >> d;
    std::cout << lines << ' ' << sum << ' ' << i << ' ' << d << "\n";
    std::cout << std::ifstream(path + ".missing").is_open() << "\n";
}

void patterns()
{
    const std::regex date(R"((\d{4})-(\d{2})-(\d{2}))");
    std::smatch found;
    std::string text = "from 2026-11-22 until 2027-01-31.";
    for (std::sregex_iterator at(text.begin(), text.end(), date), end; at != end; ++at)
        std::cout << (*at)[3] << '/' << (*at)[2] << ' ';
    std::cout << std::regex_replace(text, date, "<$1>") << "\n";
    std::cout << std::regex_match("abcabc", std::regex("(abc)\\1")) << "\n";
}

} // namespace

int main(int argc, char **argv)
{
    exceptions();
    containers();
    closures();
    streams(argc > 1 ? argv[1] : ".");
    patterns();
    std::string line;
    for (int n = 1; std::getline(std::cin, line); n++)
        std::cout << n << ": " << line << "\n";
    Tracked last("last");
    return 5;
}
