DROP TABLE stories;
DROP TABLE agents;
