// What documents begin with, before anybody is apart.

import { Counter } from "@automerge/automerge-repo"

export const profile = more => () => ({ "@kind": "profile", display_name: "Ann", bio: "walks", ...more })
export const group = () => ({ "@kind": "group", name: "Walkers", events: { lake: { title: "Lake", place: "Sea" } } })
export const cart = more => () => ({ "@kind": "cart", lines: { tent: { qty: new Counter(1), ...more } } })
export const delivery = () => ({ ...cart()(), address: { street: "1 Elm Road", city: "Leeds" } })
export const plain = () => ({ title: "Notes" })
