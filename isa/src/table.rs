//! The instruction table: every 32-bit instruction the engine knows, one row each.
//!
//! A row is `snake = Name(Format) "diagram";`, and the diagram is the manual's own, most significant bit first: `0`
//! and `1` are fixed, `.` belongs to an operand, spaces are for the eye. Everything else in this crate (opcodes,
//! decoder, encoder, disassembler, visitor traits, `docs/isa.md`) is derived from these rows, so this is the only
//! place that lists instructions.
//!
//! Three facts are checked while the crate compiles: a diagram has 32 bits; every free bit belongs to an operand of
//! the row's format, so decoding loses nothing; and two diagrams are disjoint, or one of them is a strict
//! specialisation of the other. In the last case **the more specific row wins**, wherever it stands: `pause` is a
//! `fence` and `prefetch.r` is an `ori` that a decoder has to recognise first.
//!
//! The mnemonic is the snake-case name with `.` for `_`.
//!
//! Major opcode custom-0 (`0001011`) belongs to this machine's own extension, `Xrr`. No other row may use it, which a test
//! sees to.

/// Calls the macro `$mac` with the instruction table.
///
/// The callback receives blocks of the form
///
/// ```text
/// #[doc = "…"]
/// extension M: VisitM {
///     #[doc = "…"]
///     mul = Mul(R) "0000001 ..... ..... 000 ..... 0110011";
///     …
/// }
/// ```
#[macro_export]
macro_rules! for_each_inst {
    ($mac:ident) => {
        $mac! {
            /// Base integer instruction set, RV64.
            extension I: VisitI {
                /// `x[rd] = imm`: the upper 20 bits, sign-extended to 64; the lower 12 bits are zero
                lui    = Lui(U)      ".................... ..... 0110111";
                /// `x[rd] = pc + imm`
                auipc  = Auipc(U)    ".................... ..... 0010111";
                /// `x[rd] = pc + len; pc = pc + imm`
                jal    = Jal(J)      ".................... ..... 1101111";
                /// `target = (x[rs1] + imm) & !1; x[rd] = pc + len; pc = target`
                jalr   = Jalr(Jalr)  "............ ..... 000 ..... 1100111";
                /// `if x[rs1] == x[rs2] { pc = pc + imm }`
                beq    = Beq(B)      "....... ..... ..... 000 ..... 1100011";
                /// `if x[rs1] != x[rs2] { pc = pc + imm }`
                bne    = Bne(B)      "....... ..... ..... 001 ..... 1100011";
                /// `if x[rs1] < x[rs2] { pc = pc + imm }`, signed
                blt    = Blt(B)      "....... ..... ..... 100 ..... 1100011";
                /// `if x[rs1] >= x[rs2] { pc = pc + imm }`, signed
                bge    = Bge(B)      "....... ..... ..... 101 ..... 1100011";
                /// `if x[rs1] < x[rs2] { pc = pc + imm }`, unsigned
                bltu   = Bltu(B)     "....... ..... ..... 110 ..... 1100011";
                /// `if x[rs1] >= x[rs2] { pc = pc + imm }`, unsigned
                bgeu   = Bgeu(B)     "....... ..... ..... 111 ..... 1100011";
                /// `x[rd] = sext(mem8[x[rs1] + imm])`
                lb     = Lb(Load)    "............ ..... 000 ..... 0000011";
                /// `x[rd] = sext(mem16[x[rs1] + imm])`
                lh     = Lh(Load)    "............ ..... 001 ..... 0000011";
                /// `x[rd] = sext(mem32[x[rs1] + imm])`
                lw     = Lw(Load)    "............ ..... 010 ..... 0000011";
                /// `x[rd] = mem64[x[rs1] + imm]`
                ld     = Ld(Load)    "............ ..... 011 ..... 0000011";
                /// `x[rd] = zext(mem8[x[rs1] + imm])`
                lbu    = Lbu(Load)   "............ ..... 100 ..... 0000011";
                /// `x[rd] = zext(mem16[x[rs1] + imm])`
                lhu    = Lhu(Load)   "............ ..... 101 ..... 0000011";
                /// `x[rd] = zext(mem32[x[rs1] + imm])`
                lwu    = Lwu(Load)   "............ ..... 110 ..... 0000011";
                /// `mem8[x[rs1] + imm] = x[rs2][7:0]`
                sb     = Sb(S)       "....... ..... ..... 000 ..... 0100011";
                /// `mem16[x[rs1] + imm] = x[rs2][15:0]`
                sh     = Sh(S)       "....... ..... ..... 001 ..... 0100011";
                /// `mem32[x[rs1] + imm] = x[rs2][31:0]`
                sw     = Sw(S)       "....... ..... ..... 010 ..... 0100011";
                /// `mem64[x[rs1] + imm] = x[rs2]`
                sd     = Sd(S)       "....... ..... ..... 011 ..... 0100011";
                /// `x[rd] = x[rs1] + imm`
                addi   = Addi(I)     "............ ..... 000 ..... 0010011";
                /// `x[rd] = if x[rs1] < imm { 1 } else { 0 }`, signed
                slti   = Slti(I)     "............ ..... 010 ..... 0010011";
                /// `x[rd] = if x[rs1] < sext(imm) { 1 } else { 0 }`, unsigned
                sltiu  = Sltiu(I)    "............ ..... 011 ..... 0010011";
                /// `x[rd] = x[rs1] ^ imm`
                xori   = Xori(I)     "............ ..... 100 ..... 0010011";
                /// `x[rd] = x[rs1] | imm`
                ori    = Ori(I)      "............ ..... 110 ..... 0010011";
                /// `x[rd] = x[rs1] & imm`
                andi   = Andi(I)     "............ ..... 111 ..... 0010011";
                /// `x[rd] = x[rs1] << shamt`
                slli   = Slli(Shift) "000000 ...... ..... 001 ..... 0010011";
                /// `x[rd] = x[rs1] >> shamt`, logical
                srli   = Srli(Shift) "000000 ...... ..... 101 ..... 0010011";
                /// `x[rd] = x[rs1] >> shamt`, arithmetic
                srai   = Srai(Shift) "010000 ...... ..... 101 ..... 0010011";
                /// `x[rd] = x[rs1] + x[rs2]`
                add    = Add(R)      "0000000 ..... ..... 000 ..... 0110011";
                /// `x[rd] = x[rs1] - x[rs2]`
                sub    = Sub(R)      "0100000 ..... ..... 000 ..... 0110011";
                /// `x[rd] = x[rs1] << x[rs2][5:0]`
                sll    = Sll(R)      "0000000 ..... ..... 001 ..... 0110011";
                /// `x[rd] = if x[rs1] < x[rs2] { 1 } else { 0 }`, signed
                slt    = Slt(R)      "0000000 ..... ..... 010 ..... 0110011";
                /// `x[rd] = if x[rs1] < x[rs2] { 1 } else { 0 }`, unsigned
                sltu   = Sltu(R)     "0000000 ..... ..... 011 ..... 0110011";
                /// `x[rd] = x[rs1] ^ x[rs2]`
                xor    = Xor(R)      "0000000 ..... ..... 100 ..... 0110011";
                /// `x[rd] = x[rs1] >> x[rs2][5:0]`, logical
                srl    = Srl(R)      "0000000 ..... ..... 101 ..... 0110011";
                /// `x[rd] = x[rs1] >> x[rs2][5:0]`, arithmetic
                sra    = Sra(R)      "0100000 ..... ..... 101 ..... 0110011";
                /// `x[rd] = x[rs1] | x[rs2]`
                or     = Or(R)       "0000000 ..... ..... 110 ..... 0110011";
                /// `x[rd] = x[rs1] & x[rs2]`
                and    = And(R)      "0000000 ..... ..... 111 ..... 0110011";
                /// `x[rd] = sext((x[rs1] + imm)[31:0])`
                addiw  = Addiw(I)     "............ ..... 000 ..... 0011011";
                /// `x[rd] = sext((x[rs1] << shamt)[31:0])`
                slliw  = Slliw(Shift) "0000000 ..... ..... 001 ..... 0011011";
                /// `x[rd] = sext(x[rs1][31:0] >> shamt)`, logical shift of the 32-bit value
                srliw  = Srliw(Shift) "0000000 ..... ..... 101 ..... 0011011";
                /// `x[rd] = sext(x[rs1][31:0] >> shamt)`, arithmetic shift of the 32-bit value
                sraiw  = Sraiw(Shift) "0100000 ..... ..... 101 ..... 0011011";
                /// `x[rd] = sext((x[rs1] + x[rs2])[31:0])`
                addw   = Addw(R)     "0000000 ..... ..... 000 ..... 0111011";
                /// `x[rd] = sext((x[rs1] - x[rs2])[31:0])`
                subw   = Subw(R)     "0100000 ..... ..... 000 ..... 0111011";
                /// `x[rd] = sext((x[rs1] << x[rs2][4:0])[31:0])`
                sllw   = Sllw(R)     "0000000 ..... ..... 001 ..... 0111011";
                /// `x[rd] = sext(x[rs1][31:0] >> x[rs2][4:0])`, logical shift of the 32-bit value
                srlw   = Srlw(R)     "0000000 ..... ..... 101 ..... 0111011";
                /// `x[rd] = sext(x[rs1][31:0] >> x[rs2][4:0])`, arithmetic shift of the 32-bit value
                sraw   = Sraw(R)     "0100000 ..... ..... 101 ..... 0111011";
                /// Orders the accesses in `pred` before those in `succ`; `rd`, `rs1` and reserved `fm` are ignored
                fence     = Fence(Fence)   ".... .... .... ..... 000 ..... 0001111";
                /// Orders loads before loads and stores, and stores before stores
                fence_tso = FenceTso(Bare) "1000 0011 0011 00000 000 00000 0001111";
                /// Raises environment-call: asks the host for a service
                ecall     = Ecall(Bare)    "000000000000 00000 000 00000 1110011";
                /// Raises breakpoint: returns control to a debugger
                ebreak    = Ebreak(Bare)   "000000000001 00000 000 00000 1110011";
            }
            /// Integer multiplication and division.
            extension M: VisitM {
                /// `x[rd] = (x[rs1] * x[rs2])[63:0]`
                mul    = Mul(R)    "0000001 ..... ..... 000 ..... 0110011";
                /// `x[rd] = (x[rs1] * x[rs2])[127:64]`, signed by signed
                mulh   = Mulh(R)   "0000001 ..... ..... 001 ..... 0110011";
                /// `x[rd] = (x[rs1] * x[rs2])[127:64]`, signed by unsigned
                mulhsu = Mulhsu(R) "0000001 ..... ..... 010 ..... 0110011";
                /// `x[rd] = (x[rs1] * x[rs2])[127:64]`, unsigned by unsigned
                mulhu  = Mulhu(R)  "0000001 ..... ..... 011 ..... 0110011";
                /// `x[rd] = x[rs1] / x[rs2]`, signed; by zero gives -1, overflow gives the dividend
                div    = Div(R)    "0000001 ..... ..... 100 ..... 0110011";
                /// `x[rd] = x[rs1] / x[rs2]`, unsigned; by zero gives all ones
                divu   = Divu(R)   "0000001 ..... ..... 101 ..... 0110011";
                /// `x[rd] = x[rs1] % x[rs2]`, signed; by zero gives the dividend, overflow gives 0
                rem    = Rem(R)    "0000001 ..... ..... 110 ..... 0110011";
                /// `x[rd] = x[rs1] % x[rs2]`, unsigned; by zero gives the dividend
                remu   = Remu(R)   "0000001 ..... ..... 111 ..... 0110011";
                /// `x[rd] = sext((x[rs1] * x[rs2])[31:0])`
                mulw   = Mulw(R)   "0000001 ..... ..... 000 ..... 0111011";
                /// `x[rd] = sext(x[rs1][31:0] / x[rs2][31:0])`, signed; by zero gives -1, overflow gives the dividend
                divw   = Divw(R)   "0000001 ..... ..... 100 ..... 0111011";
                /// `x[rd] = sext(x[rs1][31:0] / x[rs2][31:0])`, unsigned; by zero gives all ones
                divuw  = Divuw(R)  "0000001 ..... ..... 101 ..... 0111011";
                /// `x[rd] = sext(x[rs1][31:0] % x[rs2][31:0])`, signed; by zero gives the dividend, overflow gives 0
                remw   = Remw(R)   "0000001 ..... ..... 110 ..... 0111011";
                /// `x[rd] = sext(x[rs1][31:0] % x[rs2][31:0])`, unsigned; by zero gives the dividend
                remuw  = Remuw(R)  "0000001 ..... ..... 111 ..... 0111011";
            }
            /// Atomic memory operations; `aq` and `rl` are the acquire and release bits.
            extension A: VisitA {
                /// `x[rd] = sext(mem32[x[rs1]])`, and reserves the address
                lr_w      = LrW(Lr)       "00010 . . 00000 ..... 010 ..... 0101111";
                /// `mem32[x[rs1]] = x[rs2][31:0]` if reserved; `x[rd]` = 0 on success, 1 on failure
                sc_w      = ScW(Amo)      "00011 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = x[rs2]; x[rd] = sext(t)`
                amoswap_w = AmoswapW(Amo) "00001 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = t + x[rs2]; x[rd] = sext(t)`
                amoadd_w  = AmoaddW(Amo)  "00000 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = t ^ x[rs2]; x[rd] = sext(t)`
                amoxor_w  = AmoxorW(Amo)  "00100 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = t & x[rs2]; x[rd] = sext(t)`
                amoand_w  = AmoandW(Amo)  "01100 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = t | x[rs2]; x[rd] = sext(t)`
                amoor_w   = AmoorW(Amo)   "01000 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = min(t, x[rs2][31:0]); x[rd] = sext(t)`, signed
                amomin_w  = AmominW(Amo)  "10000 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = max(t, x[rs2][31:0]); x[rd] = sext(t)`, signed
                amomax_w  = AmomaxW(Amo)  "10100 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = min(t, x[rs2][31:0]); x[rd] = sext(t)`, unsigned
                amominu_w = AmominuW(Amo) "11000 . . ..... ..... 010 ..... 0101111";
                /// `t = mem32[x[rs1]]; mem32[x[rs1]] = max(t, x[rs2][31:0]); x[rd] = sext(t)`, unsigned
                amomaxu_w = AmomaxuW(Amo) "11100 . . ..... ..... 010 ..... 0101111";
                /// `x[rd] = mem64[x[rs1]]`, and reserves the address
                lr_d      = LrD(Lr)       "00010 . . 00000 ..... 011 ..... 0101111";
                /// `mem64[x[rs1]] = x[rs2]` if reserved; `x[rd]` = 0 on success, 1 on failure
                sc_d      = ScD(Amo)      "00011 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = x[rs2]; x[rd] = t`
                amoswap_d = AmoswapD(Amo) "00001 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = t + x[rs2]; x[rd] = t`
                amoadd_d  = AmoaddD(Amo)  "00000 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = t ^ x[rs2]; x[rd] = t`
                amoxor_d  = AmoxorD(Amo)  "00100 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = t & x[rs2]; x[rd] = t`
                amoand_d  = AmoandD(Amo)  "01100 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = t | x[rs2]; x[rd] = t`
                amoor_d   = AmoorD(Amo)   "01000 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = min(t, x[rs2]); x[rd] = t`, signed
                amomin_d  = AmominD(Amo)  "10000 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = max(t, x[rs2]); x[rd] = t`, signed
                amomax_d  = AmomaxD(Amo)  "10100 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = min(t, x[rs2]); x[rd] = t`, unsigned
                amominu_d = AmominuD(Amo) "11000 . . ..... ..... 011 ..... 0101111";
                /// `t = mem64[x[rs1]]; mem64[x[rs1]] = max(t, x[rs2]); x[rd] = t`, unsigned
                amomaxu_d = AmomaxuD(Amo) "11100 . . ..... ..... 011 ..... 0101111";
            }
            /// Single-precision floating point.
            extension F: VisitF {
                /// `f[rd] = nan_box(mem32[x[rs1] + imm])`
                flw       = Flw(FLoad)      "............ ..... 010 ..... 0000111";
                /// `mem32[x[rs1] + imm] = f[rs2][31:0]`
                fsw       = Fsw(FStore)     "....... ..... ..... 010 ..... 0100111";
                /// `f[rd] = f[rs1] * f[rs2] + f[rs3]`, rounded once
                fmadd_s   = FmaddS(FR4)     "..... 00 ..... ..... ... ..... 1000011";
                /// `f[rd] = f[rs1] * f[rs2] - f[rs3]`, rounded once
                fmsub_s   = FmsubS(FR4)     "..... 00 ..... ..... ... ..... 1000111";
                /// `f[rd] = -(f[rs1] * f[rs2]) + f[rs3]`, rounded once
                fnmsub_s  = FnmsubS(FR4)    "..... 00 ..... ..... ... ..... 1001011";
                /// `f[rd] = -(f[rs1] * f[rs2]) - f[rs3]`, rounded once
                fnmadd_s  = FnmaddS(FR4)    "..... 00 ..... ..... ... ..... 1001111";
                /// `f[rd] = f[rs1] + f[rs2]`
                fadd_s    = FaddS(FR)       "0000000 ..... ..... ... ..... 1010011";
                /// `f[rd] = f[rs1] - f[rs2]`
                fsub_s    = FsubS(FR)       "0000100 ..... ..... ... ..... 1010011";
                /// `f[rd] = f[rs1] * f[rs2]`
                fmul_s    = FmulS(FR)       "0001000 ..... ..... ... ..... 1010011";
                /// `f[rd] = f[rs1] / f[rs2]`
                fdiv_s    = FdivS(FR)       "0001100 ..... ..... ... ..... 1010011";
                /// `f[rd] = sqrt(f[rs1])`
                fsqrt_s   = FsqrtS(FUnary)  "0101100 00000 ..... ... ..... 1010011";
                /// `f[rd] = f[rs1]` with the sign of `f[rs2]`
                fsgnj_s   = FsgnjS(FBinary)  "0010000 ..... ..... 000 ..... 1010011";
                /// `f[rd] = f[rs1]` with the opposite of the sign of `f[rs2]`
                fsgnjn_s  = FsgnjnS(FBinary) "0010000 ..... ..... 001 ..... 1010011";
                /// `f[rd] = f[rs1]` with the exclusive or of both signs
                fsgnjx_s  = FsgnjxS(FBinary) "0010000 ..... ..... 010 ..... 1010011";
                /// `f[rd] = minimumNumber(f[rs1], f[rs2])`; -0.0 is less than +0.0
                fmin_s    = FminS(FBinary)  "0010100 ..... ..... 000 ..... 1010011";
                /// `f[rd] = maximumNumber(f[rs1], f[rs2])`; -0.0 is less than +0.0
                fmax_s    = FmaxS(FBinary)  "0010100 ..... ..... 001 ..... 1010011";
                /// `x[rd] = sext(i32(f[rs1]))`, saturating
                fcvt_w_s  = FcvtWS(FToX)    "1100000 00000 ..... ... ..... 1010011";
                /// `x[rd] = sext(u32(f[rs1]))`, saturating; sign-extended although unsigned
                fcvt_wu_s = FcvtWuS(FToX)   "1100000 00001 ..... ... ..... 1010011";
                /// `x[rd] = i64(f[rs1])`, saturating
                fcvt_l_s  = FcvtLS(FToX)    "1100000 00010 ..... ... ..... 1010011";
                /// `x[rd] = u64(f[rs1])`, saturating
                fcvt_lu_s = FcvtLuS(FToX)   "1100000 00011 ..... ... ..... 1010011";
                /// `x[rd] = sext(f[rs1][31:0])`, the bits unchanged
                fmv_x_w   = FmvXW(FMoveToX) "1110000 00000 ..... 000 ..... 1010011";
                /// `x[rd] = if f[rs1] <= f[rs2] { 1 } else { 0 }`, signaling: any NaN raises invalid
                fle_s     = FleS(FCompare)  "1010000 ..... ..... 000 ..... 1010011";
                /// `x[rd] = if f[rs1] < f[rs2] { 1 } else { 0 }`, signaling: any NaN raises invalid
                flt_s     = FltS(FCompare)  "1010000 ..... ..... 001 ..... 1010011";
                /// `x[rd] = if f[rs1] == f[rs2] { 1 } else { 0 }`, quiet: only a signaling NaN raises invalid
                feq_s     = FeqS(FCompare)  "1010000 ..... ..... 010 ..... 1010011";
                /// `x[rd]` = one-hot class of `f[rs1]`
                fclass_s  = FclassS(FMoveToX) "1110000 00000 ..... 001 ..... 1010011";
                /// `f[rd] = f32(x[rs1][31:0])`, signed
                fcvt_s_w  = FcvtSW(XToF)    "1101000 00000 ..... ... ..... 1010011";
                /// `f[rd] = f32(x[rs1][31:0])`, unsigned
                fcvt_s_wu = FcvtSWu(XToF)   "1101000 00001 ..... ... ..... 1010011";
                /// `f[rd] = f32(x[rs1])`, signed
                fcvt_s_l  = FcvtSL(XToF)    "1101000 00010 ..... ... ..... 1010011";
                /// `f[rd] = f32(x[rs1])`, unsigned
                fcvt_s_lu = FcvtSLu(XToF)   "1101000 00011 ..... ... ..... 1010011";
                /// `f[rd] = nan_box(x[rs1][31:0])`, the bits unchanged
                fmv_w_x   = FmvWX(XMoveToF) "1111000 00000 ..... 000 ..... 1010011";
            }
            /// Double-precision floating point.
            extension D: VisitD {
                /// `f[rd] = mem64[x[rs1] + imm]`
                fld       = Fld(FLoad)      "............ ..... 011 ..... 0000111";
                /// `mem64[x[rs1] + imm] = f[rs2]`
                fsd       = Fsd(FStore)     "....... ..... ..... 011 ..... 0100111";
                /// `f[rd] = f[rs1] * f[rs2] + f[rs3]`, rounded once
                fmadd_d   = FmaddD(FR4)     "..... 01 ..... ..... ... ..... 1000011";
                /// `f[rd] = f[rs1] * f[rs2] - f[rs3]`, rounded once
                fmsub_d   = FmsubD(FR4)     "..... 01 ..... ..... ... ..... 1000111";
                /// `f[rd] = -(f[rs1] * f[rs2]) + f[rs3]`, rounded once
                fnmsub_d  = FnmsubD(FR4)    "..... 01 ..... ..... ... ..... 1001011";
                /// `f[rd] = -(f[rs1] * f[rs2]) - f[rs3]`, rounded once
                fnmadd_d  = FnmaddD(FR4)    "..... 01 ..... ..... ... ..... 1001111";
                /// `f[rd] = f[rs1] + f[rs2]`
                fadd_d    = FaddD(FR)       "0000001 ..... ..... ... ..... 1010011";
                /// `f[rd] = f[rs1] - f[rs2]`
                fsub_d    = FsubD(FR)       "0000101 ..... ..... ... ..... 1010011";
                /// `f[rd] = f[rs1] * f[rs2]`
                fmul_d    = FmulD(FR)       "0001001 ..... ..... ... ..... 1010011";
                /// `f[rd] = f[rs1] / f[rs2]`
                fdiv_d    = FdivD(FR)       "0001101 ..... ..... ... ..... 1010011";
                /// `f[rd] = sqrt(f[rs1])`
                fsqrt_d   = FsqrtD(FUnary)  "0101101 00000 ..... ... ..... 1010011";
                /// `f[rd] = f[rs1]` with the sign of `f[rs2]`
                fsgnj_d   = FsgnjD(FBinary)  "0010001 ..... ..... 000 ..... 1010011";
                /// `f[rd] = f[rs1]` with the opposite of the sign of `f[rs2]`
                fsgnjn_d  = FsgnjnD(FBinary) "0010001 ..... ..... 001 ..... 1010011";
                /// `f[rd] = f[rs1]` with the exclusive or of both signs
                fsgnjx_d  = FsgnjxD(FBinary) "0010001 ..... ..... 010 ..... 1010011";
                /// `f[rd] = minimumNumber(f[rs1], f[rs2])`; -0.0 is less than +0.0
                fmin_d    = FminD(FBinary)  "0010101 ..... ..... 000 ..... 1010011";
                /// `f[rd] = maximumNumber(f[rs1], f[rs2])`; -0.0 is less than +0.0
                fmax_d    = FmaxD(FBinary)  "0010101 ..... ..... 001 ..... 1010011";
                /// `f[rd] = f32(f[rs1])`, from double to single
                fcvt_s_d  = FcvtSD(FUnary)  "0100000 00001 ..... ... ..... 1010011";
                /// `f[rd] = f64(f[rs1])`, from single to double; exact
                fcvt_d_s  = FcvtDS(FUnary)  "0100001 00000 ..... ... ..... 1010011";
                /// `x[rd] = if f[rs1] <= f[rs2] { 1 } else { 0 }`, signaling: any NaN raises invalid
                fle_d     = FleD(FCompare)  "1010001 ..... ..... 000 ..... 1010011";
                /// `x[rd] = if f[rs1] < f[rs2] { 1 } else { 0 }`, signaling: any NaN raises invalid
                flt_d     = FltD(FCompare)  "1010001 ..... ..... 001 ..... 1010011";
                /// `x[rd] = if f[rs1] == f[rs2] { 1 } else { 0 }`, quiet: only a signaling NaN raises invalid
                feq_d     = FeqD(FCompare)  "1010001 ..... ..... 010 ..... 1010011";
                /// `x[rd]` = one-hot class of `f[rs1]`
                fclass_d  = FclassD(FMoveToX) "1110001 00000 ..... 001 ..... 1010011";
                /// `x[rd] = sext(i32(f[rs1]))`, saturating
                fcvt_w_d  = FcvtWD(FToX)    "1100001 00000 ..... ... ..... 1010011";
                /// `x[rd] = sext(u32(f[rs1]))`, saturating; sign-extended although unsigned
                fcvt_wu_d = FcvtWuD(FToX)   "1100001 00001 ..... ... ..... 1010011";
                /// `x[rd] = i64(f[rs1])`, saturating
                fcvt_l_d  = FcvtLD(FToX)    "1100001 00010 ..... ... ..... 1010011";
                /// `x[rd] = u64(f[rs1])`, saturating
                fcvt_lu_d = FcvtLuD(FToX)   "1100001 00011 ..... ... ..... 1010011";
                /// `x[rd] = f[rs1]`, the bits unchanged
                fmv_x_d   = FmvXD(FMoveToX) "1110001 00000 ..... 000 ..... 1010011";
                /// `f[rd] = f64(x[rs1][31:0])`, signed; exact
                fcvt_d_w  = FcvtDW(XToF)    "1101001 00000 ..... ... ..... 1010011";
                /// `f[rd] = f64(x[rs1][31:0])`, unsigned; exact
                fcvt_d_wu = FcvtDWu(XToF)   "1101001 00001 ..... ... ..... 1010011";
                /// `f[rd] = f64(x[rs1])`, signed
                fcvt_d_l  = FcvtDL(XToF)    "1101001 00010 ..... ... ..... 1010011";
                /// `f[rd] = f64(x[rs1])`, unsigned
                fcvt_d_lu = FcvtDLu(XToF)   "1101001 00011 ..... ... ..... 1010011";
                /// `f[rd] = x[rs1]`, the bits unchanged
                fmv_d_x   = FmvDX(XMoveToF) "1111001 00000 ..... 000 ..... 1010011";
            }
            /// Control and status register instructions.
            extension Zicsr: VisitZicsr {
                /// `t = csr; csr = x[rs1]; x[rd] = t`; with `rd` = `x0` the CSR is not read
                csrrw  = Csrrw(Csr)     "............ ..... 001 ..... 1110011";
                /// `t = csr; csr = t | x[rs1]; x[rd] = t`; with `rs1` = `x0` the CSR is not written
                csrrs  = Csrrs(Csr)     "............ ..... 010 ..... 1110011";
                /// `t = csr; csr = t & !x[rs1]; x[rd] = t`; with `rs1` = `x0` the CSR is not written
                csrrc  = Csrrc(Csr)     "............ ..... 011 ..... 1110011";
                /// `x[rd] = csr; csr = uimm`; with `rd` = `x0` the CSR is not read
                csrrwi = Csrrwi(CsrImm) "............ ..... 101 ..... 1110011";
                /// `t = csr; csr = t | uimm; x[rd] = t`; with `uimm` = 0 the CSR is not written
                csrrsi = Csrrsi(CsrImm) "............ ..... 110 ..... 1110011";
                /// `t = csr; csr = t & !uimm; x[rd] = t`; with `uimm` = 0 the CSR is not written
                csrrci = Csrrci(CsrImm) "............ ..... 111 ..... 1110011";
            }
            /// Instruction-fetch fence.
            extension Zifencei: VisitZifencei {
                /// Makes this hart's earlier stores visible to its instruction fetch; all operands are ignored
                fence_i = FenceI(FenceI) "............ ..... 001 ..... 0001111";
            }
            /// Pause hint.
            extension Zihintpause: VisitZihintpause {
                /// Hint: this hart is spinning; the encoding is `fence w, 0`
                pause = Pause(Bare) "0000 0001 0000 00000 000 00000 0001111";
            }
            /// Cache-block management.
            extension Zicbom: VisitZicbom {
                /// Invalidates the cache block that holds address `x[rs1]`
                cbo_inval = CboInval(Cbo) "000000000000 ..... 010 00000 0001111";
                /// Writes back the cache block that holds address `x[rs1]`
                cbo_clean = CboClean(Cbo) "000000000001 ..... 010 00000 0001111";
                /// Writes back and invalidates the cache block that holds address `x[rs1]`
                cbo_flush = CboFlush(Cbo) "000000000010 ..... 010 00000 0001111";
            }
            /// Cache-block prefetch hints.
            extension Zicbop: VisitZicbop {
                /// Hint: address `x[rs1] + imm` is about to be fetched as code; the encoding is `ori x0, …`
                prefetch_i = PrefetchI(Prefetch) "....... 00000 ..... 110 00000 0010011";
                /// Hint: address `x[rs1] + imm` is about to be read; the encoding is `ori x0, …`
                prefetch_r = PrefetchR(Prefetch) "....... 00001 ..... 110 00000 0010011";
                /// Hint: address `x[rs1] + imm` is about to be written; the encoding is `ori x0, …`
                prefetch_w = PrefetchW(Prefetch) "....... 00011 ..... 110 00000 0010011";
            }
            /// Cache-block zero.
            extension Zicboz: VisitZicboz {
                /// Stores zeros to the whole cache block that holds address `x[rs1]`
                cbo_zero = CboZero(Cbo) "000000000100 ..... 010 00000 0001111";
            }
            /// Integer conditional operations.
            extension Zicond: VisitZicond {
                /// `x[rd] = if x[rs2] == 0 { 0 } else { x[rs1] }`
                czero_eqz = CzeroEqz(R) "0000111 ..... ..... 101 ..... 0110011";
                /// `x[rd] = if x[rs2] != 0 { 0 } else { x[rs1] }`
                czero_nez = CzeroNez(R) "0000111 ..... ..... 111 ..... 0110011";
            }
            /// Bit manipulation: address generation.
            extension Zba: VisitZba {
                /// `x[rd] = zext(x[rs1][31:0]) + x[rs2]`
                add_uw    = AddUw(R)      "0000100 ..... ..... 000 ..... 0111011";
                /// `x[rd] = (x[rs1] << 1) + x[rs2]`
                sh1add    = Sh1add(R)     "0010000 ..... ..... 010 ..... 0110011";
                /// `x[rd] = (x[rs1] << 2) + x[rs2]`
                sh2add    = Sh2add(R)     "0010000 ..... ..... 100 ..... 0110011";
                /// `x[rd] = (x[rs1] << 3) + x[rs2]`
                sh3add    = Sh3add(R)     "0010000 ..... ..... 110 ..... 0110011";
                /// `x[rd] = (zext(x[rs1][31:0]) << 1) + x[rs2]`
                sh1add_uw = Sh1addUw(R)   "0010000 ..... ..... 010 ..... 0111011";
                /// `x[rd] = (zext(x[rs1][31:0]) << 2) + x[rs2]`
                sh2add_uw = Sh2addUw(R)   "0010000 ..... ..... 100 ..... 0111011";
                /// `x[rd] = (zext(x[rs1][31:0]) << 3) + x[rs2]`
                sh3add_uw = Sh3addUw(R)   "0010000 ..... ..... 110 ..... 0111011";
                /// `x[rd] = zext(x[rs1][31:0]) << shamt`
                slli_uw   = SlliUw(Shift) "000010 ...... ..... 001 ..... 0011011";
            }
            /// Bit manipulation: basic operations.
            extension Zbb: VisitZbb {
                /// `x[rd] = x[rs1] & !x[rs2]`
                andn   = Andn(R)      "0100000 ..... ..... 111 ..... 0110011";
                /// `x[rd] = x[rs1] | !x[rs2]`
                orn    = Orn(R)       "0100000 ..... ..... 110 ..... 0110011";
                /// `x[rd] = !(x[rs1] ^ x[rs2])`
                xnor   = Xnor(R)      "0100000 ..... ..... 100 ..... 0110011";
                /// `x[rd]` = number of leading zeros of `x[rs1]`; 64 for zero
                clz    = Clz(Unary)   "0110000 00000 ..... 001 ..... 0010011";
                /// `x[rd]` = number of trailing zeros of `x[rs1]`; 64 for zero
                ctz    = Ctz(Unary)   "0110000 00001 ..... 001 ..... 0010011";
                /// `x[rd]` = number of ones in `x[rs1]`
                cpop   = Cpop(Unary)  "0110000 00010 ..... 001 ..... 0010011";
                /// `x[rd]` = number of leading zeros of `x[rs1][31:0]`; 32 for zero
                clzw   = Clzw(Unary)  "0110000 00000 ..... 001 ..... 0011011";
                /// `x[rd]` = number of trailing zeros of `x[rs1][31:0]`; 32 for zero
                ctzw   = Ctzw(Unary)  "0110000 00001 ..... 001 ..... 0011011";
                /// `x[rd]` = number of ones in `x[rs1][31:0]`
                cpopw  = Cpopw(Unary) "0110000 00010 ..... 001 ..... 0011011";
                /// `x[rd] = max(x[rs1], x[rs2])`, signed
                max    = Max(R)       "0000101 ..... ..... 110 ..... 0110011";
                /// `x[rd] = max(x[rs1], x[rs2])`, unsigned
                maxu   = Maxu(R)      "0000101 ..... ..... 111 ..... 0110011";
                /// `x[rd] = min(x[rs1], x[rs2])`, signed
                min    = Min(R)       "0000101 ..... ..... 100 ..... 0110011";
                /// `x[rd] = min(x[rs1], x[rs2])`, unsigned
                minu   = Minu(R)      "0000101 ..... ..... 101 ..... 0110011";
                /// `x[rd] = sext(x[rs1][7:0])`
                sext_b = SextB(Unary) "0110000 00100 ..... 001 ..... 0010011";
                /// `x[rd] = sext(x[rs1][15:0])`
                sext_h = SextH(Unary) "0110000 00101 ..... 001 ..... 0010011";
                /// `x[rd] = zext(x[rs1][15:0])`
                zext_h = ZextH(Unary) "0000100 00000 ..... 100 ..... 0111011";
                /// `x[rd] = rotate_left(x[rs1], x[rs2][5:0])`
                rol    = Rol(R)       "0110000 ..... ..... 001 ..... 0110011";
                /// `x[rd] = sext(rotate_left(x[rs1][31:0], x[rs2][4:0]))`
                rolw   = Rolw(R)      "0110000 ..... ..... 001 ..... 0111011";
                /// `x[rd] = rotate_right(x[rs1], x[rs2][5:0])`
                ror    = Ror(R)       "0110000 ..... ..... 101 ..... 0110011";
                /// `x[rd] = sext(rotate_right(x[rs1][31:0], x[rs2][4:0]))`
                rorw   = Rorw(R)      "0110000 ..... ..... 101 ..... 0111011";
                /// `x[rd] = rotate_right(x[rs1], shamt)`
                rori   = Rori(Shift)  "011000 ...... ..... 101 ..... 0010011";
                /// `x[rd] = sext(rotate_right(x[rs1][31:0], shamt))`
                roriw  = Roriw(Shift) "0110000 ..... ..... 101 ..... 0011011";
                /// Each byte of `x[rd]` = all ones if that byte of `x[rs1]` is not zero, else zero
                orc_b  = OrcB(Unary)  "0010100 00111 ..... 101 ..... 0010011";
                /// `x[rd]` = the bytes of `x[rs1]` in reverse order
                rev8   = Rev8(Unary)  "0110101 11000 ..... 101 ..... 0010011";
            }
            /// Bit manipulation: carry-less multiplication.
            extension Zbc: VisitZbc {
                /// `x[rd] = clmul(x[rs1], x[rs2])[63:0]`, product of polynomials over GF(2)
                clmul  = Clmul(R)  "0000101 ..... ..... 001 ..... 0110011";
                /// `x[rd] = clmul(x[rs1], x[rs2])[126:63]`, product of bit-reversed polynomials over GF(2)
                clmulr = Clmulr(R) "0000101 ..... ..... 010 ..... 0110011";
                /// `x[rd] = clmul(x[rs1], x[rs2])[127:64]`, product of polynomials over GF(2)
                clmulh = Clmulh(R) "0000101 ..... ..... 011 ..... 0110011";
            }
            /// Bit manipulation: single bits.
            extension Zbs: VisitZbs {
                /// `x[rd] = x[rs1] & !(1 << x[rs2][5:0])`
                bclr  = Bclr(R)      "0100100 ..... ..... 001 ..... 0110011";
                /// `x[rd] = x[rs1] & !(1 << shamt)`
                bclri = Bclri(Shift) "010010 ...... ..... 001 ..... 0010011";
                /// `x[rd] = (x[rs1] >> x[rs2][5:0]) & 1`
                bext  = Bext(R)      "0100100 ..... ..... 101 ..... 0110011";
                /// `x[rd] = (x[rs1] >> shamt) & 1`
                bexti = Bexti(Shift) "010010 ...... ..... 101 ..... 0010011";
                /// `x[rd] = x[rs1] ^ (1 << x[rs2][5:0])`
                binv  = Binv(R)      "0110100 ..... ..... 001 ..... 0110011";
                /// `x[rd] = x[rs1] ^ (1 << shamt)`
                binvi = Binvi(Shift) "011010 ...... ..... 001 ..... 0010011";
                /// `x[rd] = x[rs1] | (1 << x[rs2][5:0])`
                bset  = Bset(R)      "0010100 ..... ..... 001 ..... 0110011";
                /// `x[rd] = x[rs1] | (1 << shamt)`
                bseti = Bseti(Shift) "001010 ...... ..... 001 ..... 0010011";
            }
            /// Half-precision floating point, minimal: load, store, move and convert.
            extension Zfhmin: VisitZfhmin {
                /// `f[rd] = nan_box(mem16[x[rs1] + imm])`
                flh      = Flh(FLoad)      "............ ..... 001 ..... 0000111";
                /// `mem16[x[rs1] + imm] = f[rs2][15:0]`
                fsh      = Fsh(FStore)     "....... ..... ..... 001 ..... 0100111";
                /// `f[rd] = f32(f[rs1])`, from half to single; exact
                fcvt_s_h = FcvtSH(FUnary)  "0100000 00010 ..... ... ..... 1010011";
                /// `f[rd] = f16(f[rs1])`, from single to half
                fcvt_h_s = FcvtHS(FUnary)  "0100010 00000 ..... ... ..... 1010011";
                /// `f[rd] = f64(f[rs1])`, from half to double; exact
                fcvt_d_h = FcvtDH(FUnary)  "0100001 00010 ..... ... ..... 1010011";
                /// `f[rd] = f16(f[rs1])`, from double to half
                fcvt_h_d = FcvtHD(FUnary)  "0100010 00001 ..... ... ..... 1010011";
                /// `x[rd] = sext(f[rs1][15:0])`, the bits unchanged
                fmv_x_h  = FmvXH(FMoveToX) "1110010 00000 ..... 000 ..... 1010011";
                /// `f[rd] = nan_box(x[rs1][15:0])`, the bits unchanged
                fmv_h_x  = FmvHX(XMoveToF) "1111010 00000 ..... 000 ..... 1010011";
            }
            /// Additional floating point, single and double.
            extension Zfa: VisitZfa {
                /// `f[rd]` = constant number `imm` of the manual's table of 32
                fli_s       = FliS(Fli)         "1111000 00001 ..... 000 ..... 1010011";
                /// `f[rd] = minimum(f[rs1], f[rs2])`; a NaN operand gives the canonical NaN
                fminm_s     = FminmS(FBinary)   "0010100 ..... ..... 010 ..... 1010011";
                /// `f[rd] = maximum(f[rs1], f[rs2])`; a NaN operand gives the canonical NaN
                fmaxm_s     = FmaxmS(FBinary)   "0010100 ..... ..... 011 ..... 1010011";
                /// `f[rd]` = `f[rs1]` rounded to an integral value; does not raise inexact
                fround_s    = FroundS(FUnary)   "0100000 00100 ..... ... ..... 1010011";
                /// `f[rd]` = `f[rs1]` rounded to an integral value; raises inexact
                froundnx_s  = FroundnxS(FUnary) "0100000 00101 ..... ... ..... 1010011";
                /// `x[rd] = if f[rs1] <= f[rs2] { 1 } else { 0 }`, quiet: only a signaling NaN raises invalid
                fleq_s      = FleqS(FCompare)   "1010000 ..... ..... 100 ..... 1010011";
                /// `x[rd] = if f[rs1] < f[rs2] { 1 } else { 0 }`, quiet: only a signaling NaN raises invalid
                fltq_s      = FltqS(FCompare)   "1010000 ..... ..... 101 ..... 1010011";
                /// `f[rd]` = constant number `imm` of the manual's table of 32
                fli_d       = FliD(Fli)         "1111001 00001 ..... 000 ..... 1010011";
                /// `f[rd] = minimum(f[rs1], f[rs2])`; a NaN operand gives the canonical NaN
                fminm_d     = FminmD(FBinary)   "0010101 ..... ..... 010 ..... 1010011";
                /// `f[rd] = maximum(f[rs1], f[rs2])`; a NaN operand gives the canonical NaN
                fmaxm_d     = FmaxmD(FBinary)   "0010101 ..... ..... 011 ..... 1010011";
                /// `f[rd]` = `f[rs1]` rounded to an integral value; does not raise inexact
                fround_d    = FroundD(FUnary)   "0100001 00100 ..... ... ..... 1010011";
                /// `f[rd]` = `f[rs1]` rounded to an integral value; raises inexact
                froundnx_d  = FroundnxD(FUnary) "0100001 00101 ..... ... ..... 1010011";
                /// `x[rd] = sext(f[rs1] mod 2^32)`, truncating; the rounding mode is always `rtz`
                fcvtmod_w_d = FcvtmodWD(FToXRtz) "1100001 01000 ..... 001 ..... 1010011";
                /// `x[rd] = if f[rs1] <= f[rs2] { 1 } else { 0 }`, quiet: only a signaling NaN raises invalid
                fleq_d      = FleqD(FCompare)   "1010001 ..... ..... 100 ..... 1010011";
                /// `x[rd] = if f[rs1] < f[rs2] { 1 } else { 0 }`, quiet: only a signaling NaN raises invalid
                fltq_d      = FltqD(FCompare)   "1010001 ..... ..... 101 ..... 1010011";
            }
            /// Resource registers: used once, named by their content. This machine's own, in custom-0.
            extension Xrr: VisitXrr {
                /// `x[rd]` = code of the state of the register in slot `x[rs1]`
                xrr_state   = XrrState(Unary)   "0000000 00000 ..... 000 ..... 0001011";
                /// `x[rd]` = bytes of the register in slot `x[rs1]`
                xrr_len     = XrrLen(Unary)     "0000000 00001 ..... 000 ..... 0001011";
                /// `x[rd]` = address of the window of the register in slot `x[rs1]`
                xrr_window  = XrrWindow(Unary)  "0000000 00010 ..... 000 ..... 0001011";
                /// The register in slot `x[rs1]` is complete: from Initial to Active
                xrr_seal    = XrrSeal(Slot)     "0000000 00011 ..... 000 00000 0001011";
                /// The register in slot `x[rs1]` is used: from Active to Consumed
                xrr_consume = XrrConsume(Slot)  "0000000 00100 ..... 000 00000 0001011";
                /// Slot `x[rs1]` gets an Initial register of `x[rs2]` zeros; `x[rd]` = address of its window
                xrr_create  = XrrCreate(R)      "0000000 ..... ..... 001 ..... 0001011";
                /// Consumes the register in slot `x[rs1]`, which gets its Initial successor: the same bytes, `x[rs2]` of
                /// them, zeros behind; `x[rd]` = address of its window
                xrr_update  = XrrUpdate(R)      "0000001 ..... ..... 001 ..... 0001011";
                /// `x[rd]` = the doubleword at byte `x[rs2]` of the register in slot `x[rs1]`
                xrr_read    = XrrRead(R)        "0000000 ..... ..... 010 ..... 0001011";
                /// The doubleword at byte `x[rs2]` of the register in slot `x[rs1]` = `x[rs3]`
                xrr_write   = XrrWrite(Write)   "..... 00 ..... ..... 011 00000 0001011";
            }
        }
    };
}
