//! Empty: this package only names others, for the C sources inside them.
