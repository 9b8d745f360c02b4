//! Score functions, broadcast signals and plasticity rules: CPC, Greedy InfoMax, CLAPP and relatives.
