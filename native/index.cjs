/** The addon, or the one that BREVITY_ADDON names (tests, bundles). Throws what Node throws where it was not built, or was built for another Node or processor. */
module.exports = require(require('./locate.cjs').locate().file);
