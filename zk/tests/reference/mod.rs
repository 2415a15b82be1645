//! Poseidon2 and its byte encoding once more, from the papers and the specification: constants from the
//! Grain generator, matrices as tables of numbers, plain arithmetic. Slow, and shares nothing with the
//! crate.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) const P: u64 = 0x7f00_0001;
const WIDTH: usize = 16;
const FULL: usize = 8;
const PARTIAL: usize = 20;

/// The self-shrinking generator of the Poseidon paper (eprint 2019/458, appendix E).
struct Grain([bool; 80]);

impl Grain {
    fn new() -> Self {
        let fields = [(1, 2), (0, 4), (31, 12), (WIDTH, 12), (FULL, 10), (PARTIAL, 10), ((1 << 30) - 1, 30)];
        let bits = fields.iter().flat_map(|&(value, n)| (0..n).rev().map(move |i| value >> i & 1 == 1));
        let bits: Vec<_> = bits.collect();
        let mut grain = Grain(bits.try_into().expect("80 bits"));
        for _ in 0..160 {
            grain.step();
        }
        grain
    }

    fn step(&mut self) -> bool {
        let new = [62, 51, 38, 23, 13, 0].iter().fold(false, |sum, &i| sum ^ self.0[i]);
        self.0.rotate_left(1);
        self.0[79] = new;
        new
    }

    fn bit(&mut self) -> bool {
        while !self.step() {
            self.step();
        }
        self.step()
    }

    fn element(&mut self) -> u64 {
        loop {
            let value = (0..31).fold(0, |value, _| value << 1 | u64::from(self.bit()));
            if value < P {
                return value;
            }
        }
    }
}

fn power(base: u64, exponent: u64) -> u64 {
    (0..64).rev().fold(1, |result, i| {
        let square = result * result % P;
        if exponent >> i & 1 == 1 { square * base % P } else { square }
    })
}

/// `numerator / 2^k`, negative or not.
fn fraction(numerator: i64, k: u64) -> u64 {
    numerator.rem_euclid(P as i64) as u64 * power(power(2, k), P - 2) % P
}

type Matrix = [[u64; WIDTH]; WIDTH];

pub(crate) struct Reference {
    full: Vec<[u64; WIDTH]>,
    partial: Vec<u64>,
    external: Matrix,
    internal: Matrix,
}

impl Reference {
    pub(crate) fn new() -> Self {
        let mut grain = Grain::new();
        let mut rounds = |n: usize| -> Vec<[u64; WIDTH]> {
            (0..n).map(|_| core::array::from_fn(|_| grain.element())).collect()
        };
        let mut full = rounds(FULL / 2);
        let partial = (0..PARTIAL).map(|_| grain.element()).collect();
        full.extend((0..FULL / 2).map(|_| -> [u64; WIDTH] { core::array::from_fn(|_| grain.element()) }));
        Reference { full, partial, external: external(), internal: internal() }
    }

    pub(crate) fn full(&self) -> &[[u64; WIDTH]] {
        &self.full
    }

    pub(crate) fn partial(&self) -> &[u64] {
        &self.partial
    }

    pub(crate) fn diagonal(&self) -> [u64; WIDTH] {
        core::array::from_fn(|i| (self.internal[i][i] + P - 1) % P)
    }

    pub(crate) fn permute(&self, state: [u64; WIDTH]) -> [u64; WIDTH] {
        let mut state = multiply(&self.external, state);
        for constants in &self.full[..FULL / 2] {
            state = self.full_round(state, constants);
        }
        for constant in &self.partial {
            state[0] = power(state[0] + constant, 3);
            state = multiply(&self.internal, state);
        }
        for constants in &self.full[FULL / 2..] {
            state = self.full_round(state, constants);
        }
        state
    }

    fn full_round(&self, state: [u64; WIDTH], constants: &[u64; WIDTH]) -> [u64; WIDTH] {
        multiply(&self.external, core::array::from_fn(|i| power((state[i] + constants[i]) % P, 3)))
    }

    pub(crate) fn hash(&self, domain: &str, bytes: &[u8]) -> Vec<u8> {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
        let length = bytes.len() as u64;
        let mut state = [0; WIDTH];
        state[8] = length % (1 << 24);
        state[9] = length / (1 << 24) % (1 << 24);
        state[10] = length / (1 << 48);
        state[11] = 1;
        for (i, three) in domain.as_bytes().chunks(3).enumerate() {
            state[12 + i] = number(three);
        }
        let mut elements: Vec<_> = bytes.chunks(3).map(number).collect();
        while elements.is_empty() || elements.len() % 8 != 0 {
            elements.push(0);
        }
        for block in elements.chunks(8) {
            state[..8].copy_from_slice(block);
            state = self.permute(state);
        }
        state[..8].iter().flat_map(|&element| (element as u32).to_le_bytes()).collect()
    }
}

/// circ(2 M, M, M, M) with M = circ(2, 3, 1, 1).
fn external() -> Matrix {
    let row = [2, 3, 1, 1];
    core::array::from_fn(|i| {
        core::array::from_fn(|j| row[(4 + j % 4 - i % 4) % 4] * if i / 4 == j / 4 { 2 } else { 1 })
    })
}

/// One, everywhere, and the published diagonal added.
fn internal() -> Matrix {
    let diagonal = [
        fraction(-2, 0),
        fraction(1, 0),
        fraction(2, 0),
        fraction(1, 1),
        fraction(3, 0),
        fraction(4, 0),
        fraction(-1, 1),
        fraction(-3, 0),
        fraction(-4, 0),
        fraction(1, 8),
        fraction(1, 3),
        fraction(1, 24),
        fraction(-1, 8),
        fraction(-1, 3),
        fraction(-1, 4),
        fraction(-1, 24),
    ];
    core::array::from_fn(|i| core::array::from_fn(|j| if i == j { 1 + diagonal[i] } else { 1 }))
}

fn multiply(matrix: &Matrix, state: [u64; WIDTH]) -> [u64; WIDTH] {
    core::array::from_fn(|i| (0..WIDTH).fold(0, |sum, j| (sum + matrix[i][j] * state[j]) % P))
}
