//! The examples run, and what they say of themselves is so.

type Outcome = Result<(), Box<dyn std::error::Error>>;

macro_rules! example {
    ($name:ident, $path:literal) => {
        #[allow(unreachable_pub, reason = "as an example it is a program of its own")]
        #[path = $path]
        mod $name;

        #[test]
        fn $name() -> Outcome {
            $name::main()
        }
    };
}

example!(hello, "../examples/hello.rs");
example!(host_functions, "../examples/host_functions.rs");
example!(plugin, "../examples/plugin.rs");
example!(limits, "../examples/limits.rs");
example!(fork, "../examples/fork.rs");
example!(snapshot, "../examples/snapshot.rs");
