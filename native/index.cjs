/** The built addon. Throws what Node throws where it was not built, or was built for another Node or processor. */
module.exports = require('./build/Release/brevity.node');
