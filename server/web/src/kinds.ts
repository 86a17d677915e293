/** The documents and the devices by name: what the rest of the page is about. */

export const KINDS = ["profile", "cart", "group"] as const
export type Kind = (typeof KINDS)[number]

export type DeviceName = "phone" | "laptop"

export const DEVICE_TITLES: Record<DeviceName, string> = { phone: "Phone", laptop: "Laptop" }
