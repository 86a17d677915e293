import { applyTheme } from "./theme.js"
import "./components/demo.js"

applyTheme()
