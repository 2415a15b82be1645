//! Operand values at which instructions go wrong.

/// Integers: zero, ones, limits of every width and their neighbours, shift amounts, patterns.
pub const INTEGERS: &[u64] = &[
    0,
    1,
    u64::MAX,
    2,
    7,
    31,
    32,
    63,
    64,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_fffe,
    0x7fff_ffff,
    0x8000_0000,
    0x8000_0001,
    0xffff_ffff,
    0x1_0000_0000,
    0xffff_ffff_7fff_ffff,
    0xffff_ffff_8000_0000,
    0xffff_ffff_8000_0001,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x8000_0000_0000_0001,
    0x5555_5555_5555_5555,
    0xaaaa_aaaa_aaaa_aaaa,
    0x0123_4567_89ab_cdef,
    0xfedc_ba98_0076_5410,
];

/// More integers for conversions to floating point: ties and near-ties of both precisions.
pub const CONVERTED_INTEGERS: &[u64] = &[
    0x00ff_ffff,
    0x0100_0001,
    0x0100_0003,
    0x0200_0002,
    0x0200_0006,
    0x7fff_ff80,
    0x7fff_ffc0,
    0xffff_ff80,
    0xffff_ffff_feff_ffff,
    0x0020_0000_0000_0001,
    0x0020_0000_0000_0003,
    0x0040_0000_0000_0002,
    0x0040_0000_0000_0006,
    0x7fff_ffff_ffff_fc00,
    0x7fff_ffff_ffff_fe00,
    0x7fff_ffbf_ffff_ffff,
    0x7fff_ff40_0000_0000,
    0xffff_ffff_ffff_f800,
    0xffff_ffff_ffff_fbff,
    0xffff_ff7f_ffff_ffff,
    0xffff_ff80_0000_0000,
    0x8000_0000_0000_0400,
    0x8000_0080_0000_0000,
];

/// Double precision.
pub const DOUBLES: &[u64] = &[
    0x0000_0000_0000_0000, // 0
    0x8000_0000_0000_0000, // -0
    0x3ff0_0000_0000_0000, // 1
    0xbff0_0000_0000_0000, // -1
    0x3ff0_0000_0000_0001, // just above 1
    0x3fef_ffff_ffff_ffff, // just below 1
    0x3fe0_0000_0000_0000, // 1/2
    0xbfe0_0000_0000_0000, // -1/2
    0x3ff8_0000_0000_0000, // 3/2
    0x4004_0000_0000_0000, // 5/2
    0xc004_0000_0000_0000, // -5/2
    0x4008_0000_0000_0000, // 3
    0x3fd5_5555_5555_5555, // 1/3
    0x0000_0000_0000_0001, // smallest subnormal
    0x8000_0000_0000_0001,
    0x000f_ffff_ffff_ffff, // largest subnormal
    0x800f_ffff_ffff_ffff,
    0x0010_0000_0000_0000, // smallest normal
    0x8010_0000_0000_0000,
    0x0010_0000_0000_0001,
    0x0008_0000_0000_0000, // half the smallest normal
    0x1ff0_0000_0000_0000, // products of these two are at the lower limit
    0x2000_0000_0000_0001,
    0x5fe0_0000_0000_0000, // products of these two are at the upper limit
    0x6000_0000_0000_0000,
    0x7fef_ffff_ffff_ffff, // largest
    0xffef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000, // infinity
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000, // canonical NaN
    0xfff8_0000_0000_0000, // quiet NaNs that are not
    0x7ff8_dead_beef_0001,
    0x7ff0_0000_0000_0001, // signaling NaNs
    0xfff4_0000_0000_0000,
    0xffff_ffff_3f80_0000, // a single 1 in its box
    0x3cb0_0000_0000_0000, // 2^-52
    0x3ca0_0000_0000_0000, // 2^-53
    0x4330_0000_0000_0001, // 2^52 + 1
    0x4340_0000_0000_0001, // 2^53 + 2
];

/// Doubles at which conversions turn: limits of the integer types and of the narrower formats, and ties.
pub const CONVERTED_DOUBLES: &[u64] = &[
    0x41df_ffff_ffc0_0000, // i32 limits, and up to 1 beyond in both directions
    0x41df_ffff_ffe0_0000,
    0x41df_ffff_ffff_ffff,
    0x41e0_0000_0000_0000,
    0xc1e0_0000_0000_0000,
    0xc1e0_0000_0010_0000,
    0xc1e0_0000_001f_ffff,
    0xc1e0_0000_0020_0000,
    0x41ef_ffff_ffe0_0000, // u32
    0x41ef_ffff_fff0_0000,
    0x41ef_ffff_ffff_ffff,
    0x41f0_0000_0000_0000,
    0xbfef_ffff_ffff_ffff,
    0xbfe0_0000_0000_0001,
    0x43df_ffff_ffff_ffff, // i64
    0x43e0_0000_0000_0000,
    0xc3e0_0000_0000_0000,
    0xc3e0_0000_0000_0001,
    0x43ef_ffff_ffff_ffff, // u64
    0x43f0_0000_0000_0000,
    0x4415_af1d_78b5_8c40, // 1e20
    0x432f_ffff_ffff_ffff, // 2^52 - 1/2
    0x4320_0000_0000_0001, // 2^51 + 1/2
    0xc320_0000_0000_0003,
    0x4059_0000_0000_0000, // 100
    0x400c_0000_0000_0000, // 7/2
    0xbff8_0000_0000_0000, // -3/2
    0x3fdf_ffff_ffff_ffff, // just below 1/2
    0x3fe0_0000_0000_0001, // just above
    0x3ff0_0000_1000_0000, // a tie in single precision, to even below
    0x3ff0_0000_3000_0000, // and above
    0x3ff0_0000_1000_0001,
    0x47ef_ffff_e000_0000, // largest single
    0x47ef_ffff_efff_ffff, // rounds to it
    0x47ef_ffff_f000_0000, // rounds to infinity
    0x3810_0000_0000_0000, // smallest normal single
    0x380f_ffff_ffff_ffff, // rounds up to it
    0x380f_ffff_e000_0000,
    0x380f_ffff_f000_0000,
    0x380f_ffff_efff_ffff,
    0x36a0_0000_0000_0000, // smallest subnormal single
    0x3690_0000_0000_0000, // half of it, a tie
    0x3690_0000_0000_0001,
    0x3ff0_0200_0000_0000, // a tie in half precision
    0x3ff0_0600_0000_0000,
    0x40ef_fc00_0000_0000, // largest half
    0x40ef_fdff_ffff_ffff,
    0x40ef_fe00_0000_0000, // rounds to infinity
    0x3f10_0000_0000_0000, // smallest normal half
    0x3f0f_fc00_0000_0000,
    0x3f0f_fe00_0000_0000,
    0x3f0f_feff_ffff_ffff,
    0x3f0f_ffff_ffff_ffff,
    0x3e70_0000_0000_0000, // smallest subnormal half
    0x3e60_0000_0000_0000,
    0x3e60_0000_0000_0001,
];

/// Single precision, without the box.
pub const SINGLES: &[u32] = &[
    0x0000_0000,
    0x8000_0000,
    0x3f80_0000, // 1
    0xbf80_0000,
    0x3f80_0001,
    0x3f7f_ffff,
    0x3f00_0000, // 1/2
    0xbf00_0000,
    0x3fc0_0000, // 3/2
    0x4020_0000, // 5/2
    0xc020_0000,
    0x4040_0000, // 3
    0x3eaa_aaab, // 1/3
    0x0000_0001, // subnormals
    0x8000_0001,
    0x007f_ffff,
    0x807f_ffff,
    0x0080_0000, // smallest normal
    0x8080_0000,
    0x0080_0001,
    0x0040_0000,
    0x1f80_0000, // products at the lower limit
    0x2000_0001,
    0x5f00_0000, // and at the upper one
    0x5f80_0000,
    0x7f7f_ffff, // largest
    0xff7f_ffff,
    0x7f80_0000, // infinity
    0xff80_0000,
    0x7fc0_0000, // NaNs: canonical, quiet, signaling
    0xffc0_0000,
    0x7fc1_2345,
    0x7f80_0001,
    0xffa0_0000,
    0x3400_0000, // 2^-23
    0x3380_0000, // 2^-24
    0x4b00_0001,
    0x4b80_0001,
];

/// Singles at which conversions turn.
pub const CONVERTED_SINGLES: &[u32] = &[
    0x4eff_ffff, // i32
    0x4f00_0000,
    0xcf00_0000,
    0xcf00_0001,
    0x4f7f_ffff, // u32
    0x4f80_0000,
    0xbf7f_ffff,
    0xbf00_0001,
    0x5eff_ffff, // i64
    0x5f00_0000,
    0xdf00_0000,
    0xdf00_0001,
    0x5f7f_ffff, // u64
    0x5f80_0000,
    0x4aff_ffff, // 2^23 - 1/2
    0x4a80_0001,
    0xca80_0003,
    0x4060_0000,
    0xbfc0_0000,
    0x3eff_ffff,
    0x3f00_0001,
    0x42c8_0000,
    0x3f80_1000, // ties in half precision
    0x3f80_3000,
    0x3f80_1001,
    0x477f_e000, // largest half
    0x477f_efff,
    0x477f_f000, // rounds to infinity
    0x3880_0000, // smallest normal half
    0x387f_e000,
    0x387f_efff,
    0x387f_f000,
    0x387f_f7ff,
    0x387f_ffff,
    0x3380_0000, // smallest subnormal half
    0x3300_0000,
    0x3300_0001,
];

/// Half precision, without the box.
pub const HALVES: &[u16] = &[
    0x0000, 0x8000, 0x3c00, 0xbc00, 0x3c01, 0x3bff, 0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x8400, 0x7bff,
    0xfbff, 0x7c00, 0xfc00, 0x7e00, 0xfe00, 0x7e55, 0x7c01, 0xfd00, 0x3555,
];

/// A floating-point format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Half precision, 16 bits.
    H,
    /// Single precision, 32 bits.
    S,
    /// Double precision, 64 bits.
    D,
}

/// Register contents for an operand of this format: values in their boxes, and boxes that are not whole.
#[must_use]
pub fn floats(format: Format) -> Vec<u64> {
    const S_BOX: u64 = !0 << 32;
    const H_BOX: u64 = !0 << 16;
    match format {
        Format::D => DOUBLES.to_vec(),
        Format::S => {
            let boxed = SINGLES.iter().map(|&bits| S_BOX | u64::from(bits));
            boxed.chain([0x3f80_0000, 0xffff_fffe_4000_0000, 0x7fff_ffff_7f80_0001]).collect()
        }
        Format::H => {
            let boxed = HALVES.iter().map(|&bits| H_BOX | u64::from(bits));
            boxed
                .chain([0x3c00, 0xffff_ffff_fffe_3c00, 0x7fff_ffff_ffff_7c01, 0xffff_ffff_0000_3c00])
                .collect()
        }
    }
}

/// The same and the values at which conversions turn.
#[must_use]
pub fn converted_floats(format: Format) -> Vec<u64> {
    let mut values = floats(format);
    match format {
        Format::D => values.extend_from_slice(CONVERTED_DOUBLES),
        Format::S => values.extend(CONVERTED_SINGLES.iter().map(|&bits| !0 << 32 | u64::from(bits))),
        Format::H => values.extend((0..=0xffff_u64).step_by(97).map(|bits| !0 << 16 | bits)),
    }
    values
}
