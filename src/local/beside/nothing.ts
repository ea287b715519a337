// What answers imports of `pg-thaw/goodbye` in the environments beside: a pool of `pg` hears of no end.
export {}
