/* What PolkaVM's linker must be told about a guest in C: which functions it exports and imports.
 *
 * PolkaVM has no names in its code, so its linker takes them from records in sections of their own. A record has a version, flags, the
 * length and the address of the name, and how many registers hold arguments and results. An export points at its record and
 * its function; an import is an instruction of PolkaVM's with the address of its record behind it.
 */
#ifndef POLKAVM_H
#define POLKAVM_H

#ifndef __riscv
#error "PolkaVM's guests are RISC-V code"
#endif

#define POLKAVM_RECORD(label, name, arguments, results) \
    ".pushsection .polkavm_metadata,\"aR\",@progbits\n" \
    label "_name: .ascii \"" name "\"\n"                \
    label ":\n"                                         \
    ".byte 1\n"                                         \
    ".4byte 0, " label " - " label "_name\n"            \
    ".8byte " label "_name\n"                           \
    ".byte " #arguments ", " #results "\n"              \
    ".popsection\n"

/* Exports the function `name`, which has that many arguments and results. */
#define POLKAVM_EXPORT(name, arguments, results)                                   \
    __asm__(POLKAVM_RECORD(".Lexport_" #name, #name, arguments, results)           \
            ".pushsection .polkavm_exports,\"aR\",@progbits\n"                     \
            ".byte 1\n"                                                            \
            ".8byte .Lexport_" #name ", " #name "\n"                               \
            ".popsection\n")

/* Defines the function `name` as one of the host's, which has that many arguments and results. */
#define POLKAVM_IMPORT(name, arguments, results)                                   \
    __asm__(POLKAVM_RECORD(".Limport_" #name, #name, arguments, results)           \
            ".pushsection .text." #name ",\"ax\",@progbits\n"                      \
            ".globl " #name "\n"                                                   \
            #name ":\n"                                                            \
            ".insn r 0xb, 0, 0, zero, zero, zero\n"                                \
            ".8byte .Limport_" #name "\n"                                          \
            "ret\n"                                                                \
            ".popsection\n")

#endif
