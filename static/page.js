// What every page does once it is there.
