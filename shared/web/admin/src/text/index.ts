/** The texts of the admin page in the language of now: `text.value.login.title`. */
import { catalogue } from "@common/text/language";

import { de } from "./de";
import { en } from "./en";

/** The texts in the language of now. */
export const text = catalogue({ en, de });
