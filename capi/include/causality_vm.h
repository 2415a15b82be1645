/* causality-vm: run RISC-V programs that nobody has to trust. Generated from capi/src by a test; do not edit.
 *
 * Nouns are those of the Rust API. A handle is made by a function that says so and belongs to the caller, who deletes it;
 * a function that takes one over says so, too. Functions that can fail return an error, NULL if all went well, which
 * the caller deletes. NULL where a handle is wanted is an error, not a crash; whatever else C allows to be wrong
 * (a handle that was deleted, a length that is too large) is undefined, as always in C.
 *
 * What says so may be used by several threads at once, as engines, modules and linkers may; anything else by one at a
 * time, and by any. */

#ifndef CAUSALITY_VM_H
#define CAUSALITY_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What kind of error it is.
typedef enum {
  // An argument is NULL that must not be.
  CVM_ERROR_KIND_NULL = 1,
  // Text is not UTF-8.
  CVM_ERROR_KIND_NOT_UTF8 = 2,
  // An argument has a value that it cannot have.
  CVM_ERROR_KIND_ARGUMENT = 3,
  // The file is not a program that can be run.
  CVM_ERROR_KIND_LOAD = 4,
  // The program could not be placed in memory or given its arguments, or limits are impossible.
  CVM_ERROR_KIND_START = 5,
  // A host function could not be registered.
  CVM_ERROR_KIND_REGISTER = 6,
  // The instance cannot do that in the state it is in.
  CVM_ERROR_KIND_STATE = 7,
  // There is no such function, it is another program's, or no call of it is waiting.
  CVM_ERROR_KIND_FUNCTION = 8,
  // An access to guest memory that the guest itself could not make.
  CVM_ERROR_KIND_ACCESS = 9,
  // A host function, a stream or a directory failed, or the operating system refused.
  CVM_ERROR_KIND_HOST = 10,
  // A bug in the engine, or in what it called back: something panicked.
  CVM_ERROR_KIND_PANIC = 11,
  // A snapshot could not be made, read or resumed.
  CVM_ERROR_KIND_SNAPSHOT = 12,
} cvm_error_kind;

// Why a run returned: whatever a guest does ends in one of these.
typedef enum {
  // The guest ended itself, with `code`.
  CVM_EXIT_KIND_COMPLETED = 0,
  // The guest trapped: `cause`, `tval`, `pc`.
  CVM_EXIT_KIND_TRAP = 1,
  // The next instruction cannot be paid; with more fuel it goes on.
  CVM_EXIT_KIND_OUT_OF_FUEL = 2,
  // Paused at a breakpoint.
  CVM_EXIT_KIND_BREAKPOINT = 3,
  // Paused after as many instructions as were asked for.
  CVM_EXIT_KIND_STEP = 4,
  // Paused because a pause handle asked for it.
  CVM_EXIT_KIND_REQUESTED = 5,
  // Paused because a host function asked for it.
  CVM_EXIT_KIND_HOST = 6,
  // The function that was called has returned.
  CVM_EXIT_KIND_RETURNED = 7,
} cvm_exit_kind;

// Where an instance is in its life.
typedef enum {
  // Not yet run.
  CVM_STATE_READY = 0,
  // Running.
  CVM_STATE_RUNNING = 1,
  // Stopped; can go on.
  CVM_STATE_PAUSED = 2,
  // Trapped, aborted, or failed by its host.
  CVM_STATE_FAILED = 3,
  // The guest ended itself.
  CVM_STATE_COMPLETED = 4,
} cvm_state;

// How a host function ends. Any other value counts as `CVM_FLOW_FAIL`.
typedef enum {
  // The guest goes on with `result`.
  CVM_FLOW_RETURN = 0,
  // The guest gets the error number `result`, as Linux calls return it.
  CVM_FLOW_ERRNO = 1,
  // The call traps with the reason `result`.
  CVM_FLOW_TRAP = 2,
  // The call traps as the last access through the caller that was refused.
  CVM_FLOW_FAULT = 3,
  // The guest ends with the code `result`.
  CVM_FLOW_EXIT = 4,
  // The guest pauses before the call, which is made again when it runs on.
  CVM_FLOW_PAUSE = 5,
  // The host failed: the run ends with an error.
  CVM_FLOW_FAIL = 6,
} cvm_flow;

// How guest code is executed; the result is the same.
typedef enum {
  // What is fastest, found out while the guest runs: the default.
  CVM_TIER_AUTO = 0,
  // The interpreter.
  CVM_TIER_INTERPRETER = 1,
  // Native code made in one pass.
  CVM_TIER_BASELINE = 2,
  // Native code by Cranelift.
  CVM_TIER_CRANELIFT = 3,
} cvm_tier;

// Bytes that belong to whoever asked for them.
typedef struct cvm_bytes cvm_bytes;

// What calls a host function: its registers and memory. It is valid until that function returns.
typedef struct cvm_caller cvm_caller;

// Settings of an engine, with the defaults of the Rust API.
typedef struct cvm_config cvm_config;

// What all modules and instances share: settings and native code. May be used by several threads at once.
typedef struct cvm_engine cvm_engine;

// Why something could not be done. Made by functions that return it; deleted by who called them.
typedef struct cvm_error cvm_error;

// One running guest. Used by one thread at a time, and by any. While it runs, which is until the function returns that runs it,
// nobody may use or delete it, host functions and writers that it calls included; they have a `cvm_caller`.
typedef struct cvm_instance cvm_instance;

// Host functions, and what makes instances that may call them. May be used by several threads at once.
typedef struct cvm_linker cvm_linker;

// A program that was read and checked. May be used by several threads at once.
typedef struct cvm_module cvm_module;

// What one guest process is given: arguments, streams, directories, limits. Empty at first.
typedef struct cvm_options cvm_options;

// Pauses an instance from any thread; may outlive it.
typedef struct cvm_pause_handle cvm_pause_handle;

// All that the future of a guest follows from, at one moment. May be used by several threads at once.
typedef struct cvm_snapshot cvm_snapshot;

// Text that belongs to whoever asked for it.
typedef struct cvm_text cvm_text;

// A handle that may be NULL.
typedef cvm_config *Handle_Config;

// Where a handle goes that is made.
typedef Handle_Config *Out_Handle_Config;

// A handle that may be NULL.
typedef cvm_module *Handle_Module;

// Where a handle goes that is made.
typedef Handle_Module *Out_Handle_Module;

// Where a handle goes that is made.
typedef uint64_t *Out_u64;

// Why a run returned, with what belongs to it.
typedef struct {
  // Which of the fields below mean anything.
  cvm_exit_kind kind;
  // The exit code of `CVM_EXIT_KIND_COMPLETED`.
  int32_t code;
  // The exception code of `CVM_EXIT_KIND_TRAP`, as in the RISC-V manual; 24 and more are the engine's own.
  uint64_t cause;
  // What belongs to the cause, such as the address that was accessed.
  uint64_t tval;
  // The address of the instruction that trapped.
  uint64_t pc;
} cvm_exit;

// Where a handle goes that is made.
typedef cvm_exit *Out_Exit;

// Registers of a call: what `a0` to `a7` and `fa0` to `fa7` hold.
typedef struct {
  // Integers, each extended to 64 bits as the calling convention says.
  uint64_t x[8];
  // Bits of floats; a single is in the low half, the high one being all ones.
  uint64_t f[8];
} cvm_registers;

// A handle that may be NULL.
typedef cvm_text *Handle_Text;

// Where a handle goes that is made.
typedef Handle_Text *Out_Handle_Text;

// A function that guests can call. `arguments` are the seven integer arguments `a0` to `a6`; what it stores to
// `result`, which is `a0` at first, is what it returns there, or what belongs to the `cvm_flow` that it returns. It must
// not jump out, nor use the instance that calls it.
typedef uint32_t (*cvm_host_function)(void *data,
                                      cvm_caller *caller,
                                      const uint64_t (*arguments)[7],
                                      uint64_t *result);

// Called with `data` when nobody needs that any more.
typedef void (*cvm_delete)(void *data);

// A handle that may be NULL.
typedef cvm_instance *Handle_Instance;

// Where a handle goes that is made.
typedef Handle_Instance *Out_Handle_Instance;

// Where output goes: takes all of the bytes. Returns 0, or an error number of the operating system.
typedef int32_t (*cvm_write)(void *data, const uint8_t *bytes, size_t len);

// A handle that may be NULL.
typedef cvm_snapshot *Handle_Snapshot;

// Where a handle goes that is made.
typedef Handle_Snapshot *Out_Handle_Snapshot;

// A handle that may be NULL.
typedef cvm_bytes *Handle_Bytes;

// Where a handle goes that is made.
typedef Handle_Bytes *Out_Handle_Bytes;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The pointer that was given when the instance was made.
void *cvm_caller_data(cvm_caller *caller);

// Copies `len` bytes at `address` of guest memory to `to`. If the guest could not read them, nothing is copied.
//
// # Safety
// `len` bytes are writable at `to`.
cvm_error *cvm_caller_read(cvm_caller *caller,
                           uint64_t address,
                           uint8_t *to,
                           size_t len);

// Copies `len` bytes at `from` to `address` of guest memory. If the guest could not write them, nothing is copied.
//
// # Safety
// `len` bytes are readable at `from`.
cvm_error *cvm_caller_write(cvm_caller *caller,
                            uint64_t address,
                            const uint8_t *from,
                            size_t len);

// Takes fuel for work that costs more than the call itself; says how much there was to take.
uint64_t cvm_caller_charge(cvm_caller *caller, uint64_t instructions);

// The fuel that the guest has left.
uint64_t cvm_caller_fuel(cvm_caller *caller);

// The defaults.
cvm_config *cvm_config_new(void);

// The defaults, changed by the environment variables `CAUSALITY_TIER`, `CAUSALITY_FUEL`, `CAUSALITY_MEMORY` and others.
cvm_error *cvm_config_from_env(Out_Handle_Config out);

// Deletes a configuration; NULL is none.
void cvm_config_delete(cvm_config *config);

// Sets how code is executed: one of `cvm_tier`.
cvm_error *cvm_config_tier(cvm_config *config, uint32_t tier);

// Sets how many instructions an instance may retire before it is out of fuel.
cvm_error *cvm_config_fuel(cvm_config *config, uint64_t instructions);

// Sets how many bytes all memory of an instance may have.
cvm_error *cvm_config_memory(cvm_config *config, uint64_t bytes);

// Sets how many bytes the stack of an instance has.
cvm_error *cvm_config_stack(cvm_config *config, uint64_t bytes);

// Sets the size of the guest address space in bytes.
cvm_error *cvm_config_address_space(cvm_config *config, uint64_t bytes);

// Sets whether native code is metered. Without, an endless loop ends by a pause only.
cvm_error *cvm_config_metering(cvm_config *config, bool is_on);

// Sets whether native code withholds the host's memory also from mispredicted paths.
cvm_error *cvm_config_speculation_safe(cvm_config *config, bool is_on);

// Sets how many bytes of native code an engine keeps.
cvm_error *cvm_config_code_memory(cvm_config *config, size_t bytes);

// Keeps native code in a directory, for other processes. Who can write there decides what code this process runs.
//
// # Safety
// `directory` is NULL or a string that ends with a zero.
cvm_error *cvm_config_cache(cvm_config *config,
                            const char *directory);

// The version of the engine, such as "0.1.0".
const char *cvm_version(void);

// An engine. Takes `config` over; NULL stands for the defaults.
cvm_engine *cvm_engine_new(cvm_config *config);

// Deletes an engine, or rather this handle: what was made with it goes on. NULL is none.
void cvm_engine_delete(cvm_engine *engine);

// Reads and checks a program: the `len` bytes of an ELF file at `elf`.
//
// # Safety
// `len` bytes are readable at `elf`.
cvm_error *cvm_module_new(const cvm_engine *engine, const uint8_t *elf, size_t len, Out_Handle_Module out);

// Deletes a module, or rather this handle. NULL is none.
void cvm_module_delete(cvm_module *module);

// Writes the ContentId of the program, 32 bytes, to `out`.
cvm_error *cvm_module_id(const cvm_module *module, uint8_t (*out)[32]);

// Looks up where the function `name` begins.
//
// # Safety
// `name` is NULL or a string that ends with a zero.
cvm_error *cvm_module_function(const cvm_module *module, const char *name, Out_u64 out);

// What kind of error it is; for NULL, `CVM_ERROR_KIND_NULL`.
cvm_error_kind cvm_error_kind_of(const cvm_error *error);

// What went wrong, for people; valid until the error is deleted. For NULL, an empty text.
const char *cvm_error_message(const cvm_error *error);

// Deletes an error; NULL is none.
void cvm_error_delete(cvm_error *error);

// Deletes an instance; NULL is none.
void cvm_instance_delete(cvm_instance *instance);

// Runs, or goes on, until there is a reason to stop, which goes to `exit`.
cvm_error *cvm_instance_run(cvm_instance *instance, Out_Exit exit);

// The same for at most `instructions`.
cvm_error *cvm_instance_run_for(cvm_instance *instance, uint64_t instructions, Out_Exit exit);

// Calls the function of the guest that begins at `function`: `registers` are its arguments, and then its results. In
// `exit` is CVM_EXIT_KIND_RETURNED, or why the function has stopped before it returned; then the registers are as they were.
// A call that has stopped goes on with `cvm_instance_resume_call`, or is given up with `cvm_instance_abandon_call`.
cvm_error *cvm_instance_call(cvm_instance *instance,
                             uint64_t function,
                             cvm_registers *registers,
                             Out_Exit exit);

// Goes on with the last call that has stopped, which was of `function`.
cvm_error *cvm_instance_resume_call(cvm_instance *instance,
                                    uint64_t function,
                                    cvm_registers *registers,
                                    Out_Exit exit);

// Gives up the last call that has stopped; whether there was one.
bool cvm_instance_abandon_call(cvm_instance *instance);

// Makes an instance that has ended ready to run from the start.
cvm_error *cvm_instance_reset(cvm_instance *instance);

// Ends a paused instance.
cvm_error *cvm_instance_abort(cvm_instance *instance);

// Where it is in its life; NULL has failed.
cvm_state cvm_instance_state(const cvm_instance *instance);

// Instructions that can still be paid.
uint64_t cvm_instance_fuel(const cvm_instance *instance);

// Instructions retired since the start.
uint64_t cvm_instance_retired(const cvm_instance *instance);

// Pays for `instructions` more.
cvm_error *cvm_instance_add_fuel(cvm_instance *instance, uint64_t instructions);

// Address of the next instruction.
uint64_t cvm_instance_pc(const cvm_instance *instance);

// The integer register `x0` to `x31`.
cvm_error *cvm_instance_x(const cvm_instance *instance, uint32_t register_, Out_u64 out);

// Changes an integer register; writing to `x0` has no effect.
cvm_error *cvm_instance_set_x(cvm_instance *instance, uint32_t register_, uint64_t value);

// Copies `len` bytes at `address` of guest memory to `to`. If the guest could not read them, nothing is copied.
//
// # Safety
// `len` bytes are writable at `to`.
cvm_error *cvm_instance_read(const cvm_instance *instance,
                             uint64_t address,
                             uint8_t *to,
                             size_t len);

// Copies `len` bytes at `from` to `address` of guest memory. If the guest could not write them, nothing is copied.
//
// # Safety
// `len` bytes are readable at `from`.
cvm_error *cvm_instance_write(cvm_instance *instance,
                              uint64_t address,
                              const uint8_t *from,
                              size_t len);

// The pointer that was given when the instance was made.
void *cvm_instance_data(const cvm_instance *instance);

// The program it runs, as a handle of its own. NULL if the instance is.
cvm_module *cvm_instance_module(const cvm_instance *instance);

// What pauses it from any thread. NULL if the instance is.
cvm_pause_handle *cvm_instance_pause_handle(const cvm_instance *instance);

// Asks the instance to pause before one of its next instructions. May be called from any thread, also by several at once.
void cvm_pause_handle_pause(const cvm_pause_handle *handle);

// Deletes a handle; NULL is none.
void cvm_pause_handle_delete(cvm_pause_handle *handle);

// What has happened so far, as JSON (docs/report.md), to `out`.
cvm_error *cvm_instance_report(const cvm_instance *instance, Out_Handle_Text out);

// The functions that are being executed and who called them, for people, to `out`.
cvm_error *cvm_instance_backtrace(const cvm_instance *instance, Out_Handle_Text out);

// The characters of a text, which end with a zero; valid until it is deleted. An empty one for NULL.
const char *cvm_text_chars(const cvm_text *text);

// Deletes a text; NULL is none.
void cvm_text_delete(cvm_text *text);

// A linker without functions. NULL if `engine` is.
cvm_linker *cvm_linker_new(const cvm_engine *engine);

// Deletes a linker; instances made by it stay. NULL is none.
void cvm_linker_delete(cvm_linker *linker);

// Adds a function under a name and the lowest free number, from 0x10000 on, which goes to `number` if that is not NULL. It is
// called with `data`; `drop_data`, if not NULL, is called with that when neither the linker nor any instance needs it any
// more, also if this fails.
//
// # Safety
// `name` is NULL or a string that ends with a zero. `function` may be called with `data` from any thread, by
// several at once if there are several instances; `drop_data` from any thread.
cvm_error *cvm_linker_function(const cvm_linker *linker,
                               const char *name,
                               cvm_host_function function,
                               void *data,
                               cvm_delete drop_data,
                               Out_u64 number);

// Makes an instance of `module` that is ready to run. Takes `options` over, also if it fails; NULL stands for none. `data` is what
// `cvm_caller_data` gives to host functions.
cvm_error *cvm_linker_instantiate(const cvm_linker *linker,
                                  const cvm_module *module,
                                  cvm_options *options,
                                  void *data,
                                  Out_Handle_Instance out);

// No arguments, empty standard input, output to nowhere, no directories.
cvm_options *cvm_options_new(void);

// Deletes options; NULL is none.
void cvm_options_delete(cvm_options *options);

// Adds an argument; the first is the program's name.
//
// # Safety
// `argument` is NULL or a string that ends with a zero.
cvm_error *cvm_options_arg(cvm_options *options, const char *argument);

// Adds an environment variable.
//
// # Safety
// `name` and `value` are NULL or strings that end with a zero.
cvm_error *cvm_options_env(cvm_options *options, const char *name, const char *value);

// Sets the seed of everything random.
cvm_error *cvm_options_seed(cvm_options *options, uint64_t seed);

// Sets how many instructions this guest may retire, in the place of what the engine grants.
cvm_error *cvm_options_fuel(cvm_options *options, uint64_t instructions);

// Sets how many bytes all memory, and how many the stack, of this guest may have; other limits are the defaults.
cvm_error *cvm_options_limits(cvm_options *options,
                              uint64_t memory,
                              uint64_t stack);

// Sets standard input to a copy of the `len` bytes at `input`.
//
// # Safety
// `len` bytes are readable at `input`.
cvm_error *cvm_options_stdin(cvm_options *options, const uint8_t *input, size_t len);

// Sets where standard output (`stream` 1) or standard error (2) goes: `write` is called with `data` and the bytes, on the
// thread that runs the guest; `drop_data`, if not NULL, is called with `data` when nobody is going to write any more, also
// if this fails.
//
// # Safety
// Both may be called with `data`, from any thread, one at a time.
cvm_error *cvm_options_output(cvm_options *options,
                              int stream,
                              cvm_write write,
                              void *data,
                              cvm_delete drop_data);

// Gives the guest a host directory at a path of its own.
//
// # Safety
// `host` and `guest` are NULL or strings that end with a zero.
cvm_error *cvm_options_directory(cvm_options *options, const char *host, const char *guest, bool may_write);

// A copy of an instance, which has the same future, to `out`; pages are copied when either writes to them. Both have the same
// pointer for host functions, and share streams and directories.
cvm_error *cvm_instance_fork(cvm_instance *instance,
                             Out_Handle_Instance out);

// What an instance is now, to `out`.
cvm_error *cvm_instance_snapshot(cvm_instance *instance, Out_Handle_Snapshot out);

// Writes the root of a snapshot, which names all of it, 32 bytes, to `out`.
cvm_error *cvm_snapshot_root(const cvm_snapshot *snapshot, uint8_t (*out)[32]);

// A snapshot as bytes, to `out`, for other processes.
cvm_error *cvm_snapshot_to_bytes(const cvm_snapshot *snapshot, Out_Handle_Bytes out);

// Reads a snapshot from `len` bytes at `from`, which nobody has to trust.
//
// # Safety
// `len` bytes are readable at `from`.
cvm_error *cvm_snapshot_from_bytes(const uint8_t *from, size_t len, Out_Handle_Snapshot out);

// Deletes a snapshot; NULL is none.
void cvm_snapshot_delete(cvm_snapshot *snapshot);

// Makes an instance that goes on where a snapshot was made, of the same program. Otherwise as `cvm_linker_instantiate`.
cvm_error *cvm_linker_resume(const cvm_linker *linker,
                             const cvm_module *module,
                             cvm_options *options,
                             void *data,
                             const cvm_snapshot *snapshot,
                             Out_Handle_Instance out);

// Where the bytes are, until they are deleted; NULL for NULL.
const uint8_t *cvm_bytes_data(const cvm_bytes *bytes);

// How many there are.
size_t cvm_bytes_len(const cvm_bytes *bytes);

// Deletes bytes; NULL is none.
void cvm_bytes_delete(cvm_bytes *bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CAUSALITY_VM_H */
